# expect: 9:10 wrong_arity
# in: admit/own.rego
package concordat.admit

f(x) := x

f(x, y) := x + y

hasty := f(1)
