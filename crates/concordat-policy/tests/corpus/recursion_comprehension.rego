# expect: 4:1 recursion
package own

a := [x | some x in a]
