# expect: 4:1 recursion
package own

a := f(1)

f(x) := x + a
