# expect: 12:8 growing_value
# lines 8: a{next} := [[x, y] | some x in a{}; some y in a{}]
package own

a0 := [input.now, 2]

hang if a8 == []

