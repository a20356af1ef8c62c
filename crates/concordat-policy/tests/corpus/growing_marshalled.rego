# expect: 19:8 growing_value
# lines 20: a{next} := json.marshal(a{})
package own

a0 := "\""

hang if count(a20) > 0

