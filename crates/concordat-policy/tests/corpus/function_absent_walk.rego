# expect: 6:5 unknown_function
# in: admit/own.rego
package concordat.admit

hasty if {
	walk(input.contract, [path, _])
	path == []
}
