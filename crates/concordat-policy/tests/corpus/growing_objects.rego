# expect: 22:8 growing_value
# lines 40: a{next} := {"l": a{}, "r": a{}}
package own

a0 := input.now

hang if json.marshal(a40) != ""

