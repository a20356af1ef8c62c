# expect: 4:6 banned_builtin
package own

x := regex.find_all_string_submatch_n("(a*)*b", "aaaa", -1)
