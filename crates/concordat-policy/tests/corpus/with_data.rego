# expect: 5:15 with
# in: admit/own.rego
package concordat.admit

hasty if sure with data.concordat.admit.sure as 1
