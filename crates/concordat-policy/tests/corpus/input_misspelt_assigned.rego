# expect: 7:12 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if {
	budget := input.contract.budget
	budget.call > 3
}
