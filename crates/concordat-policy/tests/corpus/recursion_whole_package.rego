# expect: 4:1 recursion
package own

a := data.own
