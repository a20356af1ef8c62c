# expect: 4:6 banned_builtin
package own

x := regex.find_n("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1)
