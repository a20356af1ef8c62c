# expect: 22:24 growing_value
# lines 40: a{next} := sprintf("%s%s", [a{}, a{}])
package own

a0 := "text"

hang if count(a40) > 0

