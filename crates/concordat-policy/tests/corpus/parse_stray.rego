# expect: 4:8 parse
package own

a := 1 }
