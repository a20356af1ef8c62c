# expect: 4:1 recursion
package own

a if b

b if not a
