# expect: 36:8 growing_value
# lines 40: a{next} := hex.encode(a{})
package own

a0 := "text"

hang if count(a40) > 0

