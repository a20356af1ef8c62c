# expect: 4:6 banned_builtin
package own

x := net.lookup_ip_addr("localhost")
