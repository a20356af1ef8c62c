# expect: 6:10 unused_variable
# in: admit/own.rego
package concordat.admit

hasty if {
	some name, supply in input.skills
	supply.registered == 0
}
