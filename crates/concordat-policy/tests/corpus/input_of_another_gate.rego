# expect: 5:22 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if count(input.candidates) == 0
