# expect: 22:41 growing_value
# lines 40: a{next} := 1 if { input.now == "" } else := [a{}, a{}]
package own

a0 := input.now

hang if a40 == [1]

