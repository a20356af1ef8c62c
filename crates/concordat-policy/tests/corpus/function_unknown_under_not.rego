# expect: 5:14 unknown_function
# in: admit/own.rego
package concordat.admit

hasty if not is_digit(input.contract.name)
