# expect: 22:8 growing_value
# lines 40: a{next} := concat("", [a{}, a{}])
package own

a0 := "text"

hang if count(a40) > 0

