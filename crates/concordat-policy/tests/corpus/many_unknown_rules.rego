# expect: 100 x unknown_rule
# lines 1900: a{} if not b{}
package own

