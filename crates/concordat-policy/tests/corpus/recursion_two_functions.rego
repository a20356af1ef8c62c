# expect: 4:1 recursion
package own

f(x) := g(x)

g(x) := f(x)
