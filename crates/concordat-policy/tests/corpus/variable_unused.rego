# expect: 6:5 unused_variable
# in: admit/own.rego
package concordat.admit

hasty if {
	x := input.contract.name
	input.contract.depth > 1
}
