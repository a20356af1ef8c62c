# expect: 4:1 recursion
package own

a if every x in [1, 2] { x > count(b) }

b contains 1 if a
