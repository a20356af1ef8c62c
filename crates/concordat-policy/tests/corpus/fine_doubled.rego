package own

twice(x) := [x, x]

a := twice(twice(twice(input.contract)))

shown if count(a) > 2
