# expect: 4:6 banned_builtin
package own

x := time.now_ns()
