# expect: 4:6 banned_builtin
package own

x := yaml.unmarshal("a: &a [*a]")
