# expect: 4:6 format
package own

x := sprintf("%900000000d", [1])
