# expect: 34:8 growing_value
# lines 40: a{next} := object.union({"l": a{}}, {"r": a{}})
package own

a0 := {"x": 1}

hang if a40 == {}

