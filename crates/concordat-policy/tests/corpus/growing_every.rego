# expect: 26:8 growing_value
# lines 40: a{next} := [a{}, a{}]
package own

a0 := input.now

hang if {
	every x in [1] {
		a40 != [x]
	}
}

