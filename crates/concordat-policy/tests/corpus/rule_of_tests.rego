# expect: 5:10 unknown_rule
# in: admit/own.rego
package concordat.admit

hasty := data.concordat.admit_test.base
