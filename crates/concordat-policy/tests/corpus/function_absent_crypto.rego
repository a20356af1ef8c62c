# expect: 5:10 unknown_function
# in: admit/own.rego
package concordat.admit

hasty := crypto.sha256(input.contract.name)
