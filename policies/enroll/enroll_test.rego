package concordat.enroll_test

import data.concordat.enroll

skill := {"name": "check_credit", "example": true}

agent := {
	"id": "agt_1",
	"name": "bureau",
	"revision": "sha256:a",
	"owner": "bank.example",
	"skills": [skill],
}

ann := {"name": "ann", "tenant": "acme", "roles": ["registry_admin"]}

base := {
	"now": "2026-03-02T09:30:00Z",
	"by": ann,
	"reason": "it did well",
	"change": "place",
	"author": "ann",
	"agent": agent,
	"from": "probation",
	"to": "eligible",
}

asked(changes) := answer if {
	answer := enroll.decision with input as object.union(base, changes)
}

codes(answer) := {reason.code | some reason in object.get(answer, "reasons", [])}

with_skill(changed) := {"agent": object.union(agent, {"skills": [object.union(skill, changed)]})}

shown(verified) := with_skill({"verified": verified})

test_a_registrar_makes_agents_eligible if {
	asked({}) == {"answer": "permit"}
	answer := enroll.decision with input as object.union(object.remove(base, ["from"]), {"change": "register", "reason": ""})
	answer == {"answer": "permit"}
}

test_retired_is_for_good if codes(asked({"from": "retired"})) == {"agent_retired"}

test_reasons_are_given if {
	codes(asked({"reason": " "})) == {"reason_missing"}
	codes(asked({"reason": "", "change": "revise"})) == {"reason_missing"}
	codes(asked({"reason": "", "change": "credentials"})) == {"reason_missing"}
}

test_whoever_may_register_sets_credentials if {
	asked({"change": "credentials", "from": "eligible"}) == {"answer": "permit"}
	codes(asked({"change": "credentials", "from": "retired", "to": "retired"})) == {"agent_retired"}
}

test_what_claims_falsely_does_not_come_into_use if {
	codes(asked(shown(false))) == {"skill_false"}
	codes(asked(object.union(shown(false), {"to": "probation", "from": "quarantined"}))) == {"skill_false"}
	asked(shown(true)) == {"answer": "permit"}
	asked(object.union(shown(false), {"to": "quarantined"})) == {"answer": "permit"}
}

try := {"change": "probe", "reason": "", "tried": {"skill": "check_credit"}}

probe(changes) := asked(object.union(try, changes))

test_examples_are_tried_and_nothing_else if {
	probe({}) == {"answer": "permit"}
	probe(shown(false)) == {"answer": "permit"}
	probe({"from": "quarantined", "to": "quarantined"}) == {"answer": "permit"}
	codes(probe({"tried": {"skill": "other"}})) == {"probe_without_example"}
	codes(probe(with_skill({"example": false}))) == {"probe_without_example"}
	codes(probe({"from": "suspended", "to": "suspended"})) == {"probe_unfit"}
}

test_what_a_card_says_anew_waits_until_somebody_has_looked if {
	told := {"change": "revise", "by_card": true, "reason": "as its card says"}
	asked(told).answer == "review"
	codes(asked(told)) == {"card_changed"}
	asked(object.union(told, {"by_card": false})).answer == "permit"
}
