# expect: 4:1 recursion
package own

a := 1 if input.x

else := a
