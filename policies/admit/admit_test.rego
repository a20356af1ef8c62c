package concordat.admit_test

import data.concordat.admit

base := {
	"now": "2026-03-02T09:30:00Z",
	"submitter": {"name": "sam", "tenant": "acme", "roles": ["submitter"]},
	"contract": {
		"name": "loan-approval",
		"digest": "sha256:c",
		"declared": "finance",
		"governance": governance,
		"budget": {"calls": 20},
		"on_failure": "compensate",
		"steps": [credit, approve],
	},
	"classification": {
		"verdict": {"kind": "domain", "domain": "finance", "confidence": 9400},
		"alternatives": [],
		"evidence": [],
		"classifier": "test/1",
	},
	"skills": {
		"check_credit": {"registered": 2, "eligible": 1},
		"approve_loan": {"registered": 1, "eligible": 1},
	},
}

governance := {"risk": "high", "reversible": true, "dataClasses": ["pii"], "compliance": ["GDPR"]}

credit := {"id": "credit", "skill": "check_credit", "effect": "idempotent", "compensated": true}

approve := {"id": "approve", "skill": "approve_loan", "effect": "unsafe", "compensated": true}

unlisted := {"id": "x", "kind": "skill", "skill": "unlisted", "effect": "none", "compensated": false}

steps(given) := {"contract": {"steps": given}}

governed(change) := {"contract": {"governance": change}}

unsure := {"kind": "abstained", "because": "too short"}

abstention := {"classification": {"verdict": unsure}}

asked(changes) := answer if {
	answer := admit.decision with input as object.union(base, changes)
}

codes(changes) := {reason.code | some reason in asked(changes).reasons}

noted(changes) := {check.policy | some check in asked(changes).checks}

classified(domain, confidence) := {"classification": {"verdict": {"domain": domain, "confidence": confidence}}}

lasting := [object.union(approve, {"compensated": false})]

approval := {"review": {
	"id": "rev_1",
	"by": "rita",
	"roles": ["reviewer"],
	"at": "2026-03-02T09:29:00Z",
	"payload": "sha256:c",
}}

test_an_ordinary_high_risk_contract_runs if {
	asked({}) == {"answer": "permit"}
}

test_without_a_domain_nothing_runs if {
	silent := json.remove(base, ["contract/declared", "classification/verdict"])
	abstained := object.union(silent, abstention)
	answer := admit.decision with input as abstained
	answer.answer == "deny"
	{reason.code | some reason in answer.reasons} == {"domain_unknown"}
	approved := admit.decision with input as object.union(abstained, approval)
	approved.answer == "deny"
}

test_only_declared_is_confirmed_by_people if {
	abstained := object.union(json.remove(base, ["classification/verdict"]), abstention)
	answer := admit.decision with input as abstained
	answer.answer == "review"
	{reason.code | some reason in answer.reasons} == {"domain_unconfirmed"}
	approved := admit.decision with input as object.union(abstained, approval)
	approved.answer == "permit"
}

test_a_declared_domain_does_not_override_the_classified_one if {
	asked(classified("healthcare", 9400)).answer == "review"
	codes(classified("healthcare", 9400)) == {"domain_mismatch"}
}

test_low_confidence_is_looked_at if {
	codes(classified("finance", 5999)) == {"confidence_low"}
	asked(classified("finance", 5999)).answer == "review"
	asked(classified("finance", 6000)) == {"answer": "permit"}
}

test_where_little_is_at_stake_the_submitters_word_helps_a_doubt if {
	little := governed({"risk": "medium"})
	asked(object.union(little, classified("finance", 4000))).answer == "permit"
	noted(object.union(little, classified("finance", 4000))) == {"confidence_low"}
	asked(object.union(little, classified("finance", 3999))).answer == "review"
	codes(object.union(little, classified("research", 5000))) == {"confidence_low", "domain_mismatch"}
}

test_every_skill_is_offered if {
	nobody := {"skills": {"check_credit": {"registered": 0, "eligible": 0}}}
	codes(nobody) == {"skill_missing"}
	asked(nobody).answer == "deny"
	answer := asked(steps([unlisted]))
	{reason.code | some reason in answer.reasons} == {"skill_missing"}
	{reason.message | some reason in answer.reasons} == {"no agent offers the skill `unlisted`"}
}

test_every_skill_is_offered_by_somebody_who_gets_work if {
	codes({"skills": {"check_credit": {"eligible": 0}}}) == {"skill_unavailable"}
	asked(object.union({"skills": {"check_credit": {"eligible": 0}}}, approval)).answer == "deny"
}

test_what_cannot_be_made_good_is_looked_at if {
	reversible := governed({"risk": "critical"})
	asked(reversible).answer == "permit"
	final := governed({"risk": "critical", "reversible": false})
	asked(final).answer == "review"
	codes(final) == {"critical_irreversible"}
	asked(object.union(final, approval)).answer == "permit"
	noted(object.union(final, approval)) == {"critical_irreversible"}
}

test_a_claim_to_be_reversible_must_be_true if {
	claimed := object.union(governed({"risk": "critical"}), steps(lasting))
	codes(claimed) == {"critical_irreversible"}
}

# Found by `concordat policy prove`: with a step that no agent does, the evaluator failed where it should have named
# the skill.
test_steps_without_a_skill_hide_none_that_is_missing if {
	waits := {"id": "w", "kind": "wait", "effect": "none", "compensated": false}
	codes(steps([waits, unlisted])) == {"skill_missing"}
	codes(steps([unlisted, waits])) == {"skill_missing"}
	codes(steps([waits])) == set()
}

test_what_deserves_a_word_is_noted if {
	noted(steps(lasting)) == {"undo_missing"}
	noted({"contract": {"budget": {"calls": 1}}}) == {"budget_tight"}
	answer := admit.decision with input as json.remove(base, ["contract/governance/compliance"])
	answer.answer == "permit"
	{check.policy | some check in answer.checks} == {"compliance_unnamed"}
}

test_an_approval_counts_only_if_it_is_one if {
	final := governed({"risk": "critical", "reversible": false})
	every change in [
		{"payload": "sha256:other"},
		{"by": "sam"},
		{"roles": []},
		{"roles": ["submitter", "viewer"]},
	] {
		asked(object.union_n([final, approval, {"review": change}])).answer == "review"
	}
}

test_what_no_rule_decides_is_denied if {
	answer := admit.decision with data.concordat.common.judge as undecided with input as base
	answer.answer == "deny"
	answer.reasons[0].code == "undecided"
}

undecided(_, _) := "never" if 1 == 2
