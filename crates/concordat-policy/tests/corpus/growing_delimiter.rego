# expect: 6:15 growing_value
package own

long := [x | some x in input.skills]

hang if count(concat(json.marshal(long), [json.marshal(x) | some x in input.skills])) > 0
