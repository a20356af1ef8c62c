# expect: 12:7 growing_value
# lines 12: a{next} := [a{} | some _ in input.skills]
package own

a0 := input.now

hang if a12 == [1]

