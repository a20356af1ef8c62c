# expect: 4:6 banned_builtin
package own

x := numbers.range(1, 9000000000000000000)
