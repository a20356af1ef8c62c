# expect: 4:10 banned_builtin
package own

x if not time.now_ns() > 1
