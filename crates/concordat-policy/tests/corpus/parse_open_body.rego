# expect: 6:1 parse
package own

a if {
	input.x
