package own

a0 := [input.now]

a1 := [x | some x in a0]

a2 := [x | some x in a1]

a3 := [x | some x in a2]

a4 := [x | some x in a3]

a5 := [x | some x in a4]

a6 := [x | some x in a5]

a7 := [x | some x in a6]

a8 := [x | some x in a7]

a9 := [x | some x in a8]

a10 := [x | some x in a9]

a11 := [x | some x in a10]

a12 := [x | some x in a11]

a13 := [x | some x in a12]

a14 := [x | some x in a13]

a15 := [x | some x in a14]

a16 := [x | some x in a15]

a17 := [x | some x in a16]

a18 := [x | some x in a17]

a19 := [x | some x in a18]

a20 := [x | some x in a19]

shown if a20 == ["x"]
