# expect: 7:10 wrong_arity
# in: admit/own.rego
package concordat.admit

same(x, y) if x == y

hasty if same(input.contract.name)
