# expect: 7:5 unknown_function
# in: admit/own.rego
package concordat.admit

hasty if {
	input.contract.name == "never"
	startwith(input.contract.name, "a")
}
