# expect: 4:7 parse
package own

allow {
	input.x
}
