# expect: 6:5 compile
# in: admit/own.rego
package concordat.admit

hasty if {
	x > 1
	x := y
	y := x
}
