# expect: 4:14 nesting
package own

x := [[[[[[[[[
