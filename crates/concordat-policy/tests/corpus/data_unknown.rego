# expect: 5:33 unknown_rule
# in: admit/own.rego
package concordat.admit

hasty if input.contract.name in data.limits.names
