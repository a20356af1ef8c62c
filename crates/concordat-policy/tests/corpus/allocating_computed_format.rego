# expect: 4:6 format
package own

x := sprintf(input.format, [1])
