# expect: 5:20 unknown_input
# in: admit/own.rego
package concordat.admit

hasty if input.now.year == 2026
