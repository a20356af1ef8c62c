# expect: 24:20 growing_value
# lines 40: a{next} := x if { x := r with input as {"now": a{}} }
package own

r := [input.now, input.now]

a0 := input.now

hang if a40 == [1]

