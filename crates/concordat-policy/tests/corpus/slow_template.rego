# expect: 4:6 banned_builtin
package own

x := regex.template_match("urn:{.*}", "urn:x", "{", "}")
