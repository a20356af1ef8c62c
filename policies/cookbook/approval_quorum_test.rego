package concordat.cookbook.approval_quorum_test

import data.concordat.cookbook.approval_quorum

asked(risk, domain, review) := {check.policy |
	some check in approval_quorum.checks with input as object.union({
		"submitter": {"name": "sam"},
		"contract": {"digest": "sha256:c", "governance": {"risk": risk}},
		"classification": {"verdict": {"kind": "domain", "domain": domain}},
	}, review)
}

by(name, roles) := {"review": {"by": name, "roles": roles, "payload": "sha256:c"}}

test_little_risk_needs_nobody if {
	asked("low", "finance", {}) == set()
	asked("medium", "finance", by("eve", [])) == set()
}

test_much_risk_waits_for_somebody if {
	asked("high", "finance", {}) == {"quorum_open"}
	asked("critical", "research", {}) == {"quorum_open"}
}

test_who_answers_for_the_domain_may_agree if {
	asked("high", "finance", by("rita", ["reviewer"])) == set()
	asked("high", "healthcare", by("rita", ["reviewer"])) == {"quorum_missing"}
}

test_elsewhere_an_administrator_agrees if {
	asked("critical", "research", by("eve", ["admin"])) == set()
	asked("critical", "research", by("eve", ["reviewer"])) == {"quorum_missing"}
}

test_nobody_agrees_with_themselves_or_with_something_else if {
	own := object.union(by("sam", ["admin"]), {"submitter": {"name": "sam"}})
	asked("critical", "research", own) == {"quorum_missing"}
	other := {"review": {"by": "rita", "roles": ["reviewer"], "payload": "sha256:other"}}
	asked("high", "finance", other) == {"quorum_missing"}
}
