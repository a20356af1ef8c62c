# expect: 7:20 growing_value
package own

f(x) := [[x, x], [x, x]]

hang if {
	a := f(f(f(f(f(f(f(f(f(f(f(f(input.now))))))))))))
	a == [1]
}
