# expect: 5:6 unused_variable
# in: admit/own.rego
package concordat.admit

f(x, y) := x

hasty := f(1, 2)
