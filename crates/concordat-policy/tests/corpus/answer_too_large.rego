# expect: 5:1 wrong_answer
# in: access/access.rego
package concordat.access

default decision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}

decision := {"answer": "deny", "reasons": [{"code": "a", "message": r13}]}

r0 := "0123456789"

r1 := concat("", [r0, r0])
r2 := concat("", [r1, r1])
r3 := concat("", [r2, r2])
r4 := concat("", [r3, r3])
r5 := concat("", [r4, r4])
r6 := concat("", [r5, r5])
r7 := concat("", [r6, r6])
r8 := concat("", [r7, r7])
r9 := concat("", [r8, r8])
r10 := concat("", [r9, r9])
r11 := concat("", [r10, r10])
r12 := concat("", [r11, r11])
r13 := concat("", [r12, r12])
