# expect: 5:14 unknown_rule
# in: admit/own.rego
package concordat.admit

hasty if not aproved_by_people
