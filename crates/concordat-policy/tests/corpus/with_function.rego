# expect: 5:23 with
# in: admit/own.rego
package concordat.admit

hasty if common_check with data.concordat.common.check as true

common_check if true
