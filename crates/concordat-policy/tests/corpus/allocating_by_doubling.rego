# expect: 26:8 growing_value
# in: access/access.rego
package concordat.access

default decision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}

decision := {"answer": "deny", "reasons": [{"code": "large", "message": text}]} if {
	text := r40
}

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
r14 := concat("", [r13, r13])
r15 := concat("", [r14, r14])
r16 := concat("", [r15, r15])
r17 := concat("", [r16, r16])
r18 := concat("", [r17, r17])
r19 := concat("", [r18, r18])
r20 := concat("", [r19, r19])
r21 := concat("", [r20, r20])
r22 := concat("", [r21, r21])
r23 := concat("", [r22, r22])
r24 := concat("", [r23, r23])
r25 := concat("", [r24, r24])
r26 := concat("", [r25, r25])
r27 := concat("", [r26, r26])
r28 := concat("", [r27, r27])
r29 := concat("", [r28, r28])
r30 := concat("", [r29, r29])
r31 := concat("", [r30, r30])
r32 := concat("", [r31, r31])
r33 := concat("", [r32, r32])
r34 := concat("", [r33, r33])
r35 := concat("", [r34, r34])
r36 := concat("", [r35, r35])
r37 := concat("", [r36, r36])
r38 := concat("", [r37, r37])
r39 := concat("", [r38, r38])
r40 := concat("", [r39, r39])
