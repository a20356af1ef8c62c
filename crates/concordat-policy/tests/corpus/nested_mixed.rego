# expect: 4:34 nesting
package own

x := [{"a": [{"a": [{"a": [{"a": [{"a": 1}]}]}]}]}]
