# expect: 4:6 banned_builtin
package own

x := uuid.rfc4122("seed")
