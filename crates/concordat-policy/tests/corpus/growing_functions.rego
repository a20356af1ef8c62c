# expect: 22:11 growing_value
# lines 40: f{next}(x) := [f{}(x), f{}(x)]
package own

f0(x) := x

hang if f40(input.now) == [1]

