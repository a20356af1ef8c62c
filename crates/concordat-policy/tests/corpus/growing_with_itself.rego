# expect: 22:20 growing_value
# lines 40: a{next} := x if { x := a{} with input as {"now": [input.now, input.now]} }
package own

a0 := input.now

hang if a40 == [1]

