# expect: 4:1 recursion
package own

a if data.own[input.x]
