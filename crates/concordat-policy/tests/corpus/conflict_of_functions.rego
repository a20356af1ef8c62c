# expect: 5:1 wrong_answer
# in: access/access.rego
package concordat.access

default decision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}

decision := f(input.action)

f(_) := {"answer": "permit"}

f(_) := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}
