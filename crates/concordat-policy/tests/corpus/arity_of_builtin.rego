# expect: 7:5 wrong_arity
# in: admit/own.rego
package concordat.admit

hasty if {
	input.contract.name == "never"
	contains(input.contract.name)
}
