# expect: 3:1 parse

