# expect: 361:29 nesting
# lines 1000: x{} := [[[[[[[[1, 2, 3, 4, 5, 6]]]]]]]]
package own

