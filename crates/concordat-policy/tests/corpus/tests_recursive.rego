# expect: exhausted
# in: own/own_test.rego
package own_test

f(x) := f(x + 1)

test_a if f(1)
