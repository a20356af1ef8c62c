# expect: 5:10 unknown_rule
# in: admit/own.rego
package concordat.admit

hasty if x > 1
