# expect: 12:1 growing_value
# lines 12: a{next} contains [x, a{}] if some x in input.skills
package own

a0 := input.now

hang if a12 == {1}

