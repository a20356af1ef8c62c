# expect: 5:1 recursion
# expect: 9:1 recursion
package own

a := b

b := a

f(x) := f(x)
