# expect: 4:1 recursion
package own

f(x) := f(x - 1)
