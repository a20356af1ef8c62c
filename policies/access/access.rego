package concordat.access

default decision := {"answer": "deny", "reasons": [{"code": "undecided", "message": "no rule of the policy decides this", "fix": "ask the policy author"}]}
