# expect: 7:12 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if {
	some _, supply in input.skills
	supply.registred == 0
}
