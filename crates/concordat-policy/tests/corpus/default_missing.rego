# expect: 6:1 missing_default
# expect: 6:1 wrong_answer
# in: access/access.rego
package concordat.access

decision := {"answer": "permit"} if input.action == "submit"
