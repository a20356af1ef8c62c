# harmless: so much text is read in time
# lines 1200: a{} := {"k{}": [{}, {}, "0123456789"]}
package own

