# expect: 5:1 too_deep
# lines 1900: f{}(x) := f{next}(x)
package own

