# expect: 4:6 banned_builtin
package own

x := net.cidr_expand("10.0.0.0/8")
