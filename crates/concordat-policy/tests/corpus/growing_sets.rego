# expect: 34:8 growing_value
# lines 40: a{next} := {[a{}, 1], [a{}, 2]}
package own

a0 := {1}

hang if a40 == {2}

