# expect: 5:20 with
# in: admit/own.rego
package concordat.admit

hasty if sure == 1 with count as 3
