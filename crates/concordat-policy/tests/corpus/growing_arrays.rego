# expect: 23:8 growing_value
# lines 40: a{next} := [a{}, a{}]
package own

# Each rule is small, and shares what it holds: only the last line never ends.
a0 := input.now

hang if a40 == [1]

