# expect: 4:6 banned_builtin
package own

x := replace("aaaaaaaa", "a", "aaaaaaaaaaaaaaaa")
