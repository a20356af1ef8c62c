# expect: 7:14 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if {
	some step in input.contract.steps
	not step.compenstated
}
