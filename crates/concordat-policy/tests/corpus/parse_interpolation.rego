# expect: 4:6 parse
package own

a := $"{input.x}"
