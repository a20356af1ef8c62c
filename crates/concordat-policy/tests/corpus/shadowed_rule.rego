# expect: 5:7 shadowed
# in: admit/own.rego
package concordat.admit

hasty(sure) if sure > 1
