# expect: 6:5 shadowed
# in: admit/own.rego
package concordat.admit

hasty if {
	count := input.contract.depth
	count > 1
}
