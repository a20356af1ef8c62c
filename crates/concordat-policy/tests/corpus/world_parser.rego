# expect: 4:6 banned_builtin
package own

x := rego.parse_module("a.rego", "package a")
