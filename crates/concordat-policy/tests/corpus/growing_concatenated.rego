# expect: 35:8 growing_value
# lines 40: a{next} := array.concat(a{}, a{})
package own

a0 := [1]

hang if count(a40) > 0

