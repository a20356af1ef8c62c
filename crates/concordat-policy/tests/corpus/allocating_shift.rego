# expect: 4:6 banned_builtin
package own

x := bits.lsh(1, 90000000)
