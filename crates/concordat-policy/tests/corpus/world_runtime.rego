# expect: 4:6 banned_builtin
package own

x := opa.runtime().env
