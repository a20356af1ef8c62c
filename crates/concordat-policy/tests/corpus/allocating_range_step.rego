# expect: 4:6 banned_builtin
package own

x := numbers.range_step(1, 30000000, 1)
