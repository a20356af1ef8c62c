# expect: 5:1 wrong_answer
# in: access/access.rego
package concordat.access

default decision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}

decision := {"answer": "permit"} if not to_number("zz")
