# expect: 12:1 growing_value
# lines 12: a{next}[k] := a{} if some k, _ in input.skills
package own

a0 := input.now

hang if a12 == {}

