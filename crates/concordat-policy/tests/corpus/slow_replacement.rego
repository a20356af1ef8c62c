# expect: 4:6 banned_builtin
package own

x := regex.replace("aaaa", "a*", "b")
