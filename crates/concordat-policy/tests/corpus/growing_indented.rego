# expect: 6:11 growing_value
package own

hang if {
	long := json.marshal(input.skills)
	count(json.marshal_with_options(input, {"indent": long, "pretty": true})) > 0
}
