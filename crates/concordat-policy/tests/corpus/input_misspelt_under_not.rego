# expect: 5:29 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if not input.contract.governence.reversible
