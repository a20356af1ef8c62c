# expect: 23:8 growing_value
# also own/the_other.rego: package the_other\nimport data.own as a\nb0 := [1, 1]\nb1 := [a.a1, a.a1]\nb2 := [a.a2, a.a2]\nb3 := [a.a3, a.a3]\nb4 := [a.a4, a.a4]\nb5 := [a.a5, a.a5]\nb6 := [a.a6, a.a6]\nb7 := [a.a7, a.a7]\nb8 := [a.a8, a.a8]\nb9 := [a.a9, a.a9]\nb10 := [a.a10, a.a10]\nb11 := [a.a11, a.a11]\nb12 := [a.a12, a.a12]\nb13 := [a.a13, a.a13]\nb14 := [a.a14, a.a14]\nb15 := [a.a15, a.a15]\nb16 := [a.a16, a.a16]\nb17 := [a.a17, a.a17]\nb18 := [a.a18, a.a18]\nb19 := [a.a19, a.a19]\nb20 := [a.a20, a.a20]\nb21 := [a.a21, a.a21]\nb22 := [a.a22, a.a22]\nb23 := [a.a23, a.a23]\nb24 := [a.a24, a.a24]\nb25 := [a.a25, a.a25]\nb26 := [a.a26, a.a26]\nb27 := [a.a27, a.a27]\nb28 := [a.a28, a.a28]\nb29 := [a.a29, a.a29]\n
# lines 30: a{next} := [b.b{}, b.b{}]
package own

import data.the_other as b

hang if a30 == [1]

