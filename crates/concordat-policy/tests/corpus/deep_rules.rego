# expect: 5:1 too_deep
# lines 300: r{} := [x | some x in r{next}]
package own

