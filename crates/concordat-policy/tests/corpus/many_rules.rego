# harmless: so many rules are read in time
# lines 1900: a{} := {}
package own

