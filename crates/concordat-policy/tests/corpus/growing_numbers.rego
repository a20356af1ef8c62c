# expect: 36:12 growing_value
# lines 60: a{next} := a{} * a{}
package own

a0 := 1234567

hang if a60 > 0

