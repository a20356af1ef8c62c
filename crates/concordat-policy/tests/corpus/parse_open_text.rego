# expect: 4:11 parse
package own

a := "open
