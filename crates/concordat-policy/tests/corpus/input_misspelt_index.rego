# expect: 5:34 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if input.contract.steps[0].skil == "a"
