# expect: 4:6 banned_builtin
package own

x := json.match_schema({}, {})
