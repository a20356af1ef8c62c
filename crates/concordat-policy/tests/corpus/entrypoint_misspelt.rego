# expect: 3:1 missing_entrypoint
# in: access/access.rego
package concordat.access

default descision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule decides this"}]}
