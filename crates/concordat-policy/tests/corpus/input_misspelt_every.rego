# expect: 5:52 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if every step in input.contract.steps { step.efect == "none" }
