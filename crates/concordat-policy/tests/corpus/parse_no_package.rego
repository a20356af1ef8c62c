# expect: 2:1 parse
a := 1
