package concordat.promote_test

import data.concordat.promote

base := {
	"now": "2026-03-02T09:30:00Z",
	"publisher": {"name": "pat", "tenant": "acme", "roles": ["policy_author"]},
	"reason": "a limit for refunds",
	"revision": {"digest": "sha256:b", "author": "ann", "tests": 12, "warnings": 0},
	"enforced": "sha256:a",
	"from": "shadow",
	"to": "enforced",
	"impact": {
		"against": "sha256:a", "by": "pat", "at": "2026-03-02T09:00:00Z",
		"decisions": 1000, "replayed": 1000, "differ": 3,
	},
	"trial": {"since": "2026-03-01T09:00:00Z", "asked": 500, "differed": 2, "failed": 0},
}

asked(changes) := answer if {
	answer := promote.decision with input as object.union(base, changes)
}

without(members) := answer if {
	answer := promote.decision with input as object.remove(base, members)
}

codes(answer) := {reason.code | some reason in object.get(answer, "reasons", [])}

noted(answer) := {check.policy | some check in object.get(answer, "checks", [])}

broken := {"until": "2026-03-02T10:30:00Z", "ms": 3600000}

test_proven_is_permitted if asked({}) == {"answer": "permit"}

test_author_does_not_publish if {
	answer := asked({"publisher": {"name": "ann", "tenant": "acme", "roles": ["policy_author"]}})
	answer.answer == "deny"
	codes(answer) == {"four_eyes"}
}

test_author_may_let_it_shadow if {
	answer := asked({"to": "shadow", "from": "off", "publisher": {"name": "ann", "tenant": "acme", "roles": ["policy_author"]}})
	answer.answer == "permit"
}

test_impact_has_to_be_seen if codes(without(["impact"])) == {"impact_unseen"}

test_impact_against_another_policy_is_none if {
	codes(asked({"impact": object.union(base.impact, {"against": "sha256:z"})})) == {"impact_unseen"}
}

test_partial_impact_is_noted if {
	answer := asked({"impact": object.union(base.impact, {"replayed": 800})})
	answer.answer == "permit"
	noted(answer) == {"impact_partial"}
}

test_tests_are_needed if {
	codes(asked({"revision": object.union(base.revision, {"tests": 0})})) == {"tests_missing"}
}

test_a_trial_that_failed_stops_it if {
	codes(asked({"trial": object.union(base.trial, {"failed": 1})})) == {"trial_failed"}
}

test_no_trial_is_noted if {
	answer := without(["trial"])
	answer.answer == "permit"
	noted(answer) == {"trial_missing"}
}

test_what_came_with_the_program_has_no_author if {
	changed := object.union(object.remove(base, ["revision"]), {"revision": {"digest": "sha256:b", "tests": 12, "warnings": 0}})
	answer := promote.decision with input as changed
	answer == {"answer": "permit"}
}

test_broken_glass_passes_over_proofs_and_is_noted if {
	admin := {"name": "ann", "tenant": "acme", "roles": ["admin"]}
	changed := object.union(object.remove(base, ["impact", "trial"]), {"publisher": admin, "break_glass": broken})
	answer := promote.decision with input as changed
	answer.answer == "permit"
	noted(answer) == {"four_eyes", "impact_unseen", "trial_missing", "glass_broken"}
}

test_only_some_may_break_the_glass if codes(asked({"break_glass": broken})) == {"glass_not_yours"}

test_broken_glass_is_mended_within_a_day if {
	admin := {"name": "ada", "tenant": "acme", "roles": ["admin"]}
	codes(asked({"publisher": admin, "break_glass": {"until": "2026-03-04T09:30:00Z", "ms": 172800000}})) == {"glass_too_long"}
}

test_a_reason_is_given if codes(asked({"reason": "  "})) == {"reason_missing"}
