package concordat.release_test

import data.concordat.release

base := {
	"now": "2026-03-02T09:30:00Z",
	"submitter": {"name": "sam", "tenant": "acme"},
	"contract": {"name": "loan-approval", "digest": "sha256:c", "governance": {"risk": "high", "reversible": true}},
	"step": {"id": "risk", "skill": "assess_risk", "leg": "do", "attempt": 1, "effect": "unsafe"},
	"agent": {"id": "agt_1", "revision": "sha256:1", "standing": "eligible"},
	"output": {"digest": "sha256:e", "bytes": 412, "schema_checked": true, "misfits": 0},
}

asked(changes) := answer if {
	answer := release.decision with input as object.union(base, changes)
}

codes(changes) := {reason.code | some reason in asked(changes).reasons}

test_an_ordinary_result_is_used if {
	asked({}) == {"answer": "permit"}
}

test_a_result_in_the_wrong_form_is_not_used if {
	asked({"output": {"misfits": 1}}).answer == "deny"
	codes({"output": {"misfits": 1}}) == {"output_misfit"}
}

test_a_suspended_agents_result_is_not_used if {
	every leg in ["do", "undo"] {
		codes({"agent": {"standing": "suspended"}, "step": {"leg": leg}}) == {"agent_suspended"}
	}
	codes({"agent": {"standing": "quarantined"}}) == {"agent_suspended"}
	asked({"agent": {"standing": "probation"}}).answer == "permit"
}

test_unchecked_results_matter_with_the_risk if {
	answers := {risk: asked({"output": {"schema_checked": false}, "contract": {"governance": {"risk": risk}}}).answer |
		some risk in ["low", "medium", "high", "critical"]
	}
	answers == {"low": "permit", "medium": "permit", "high": "permit", "critical": "review"}
	warned := asked({"output": {"schema_checked": false}})
	{check.policy | some check in warned.checks} == {"output_unchecked"}
}

test_people_may_release_what_was_not_checked if {
	unchecked := {"output": {"schema_checked": false}, "contract": {"governance": {"risk": "critical"}}}
	codes(unchecked) == {"output_unchecked"}
	approval := {"review": {"id": "rev_1", "by": "rita", "roles": ["reviewer"], "payload": "sha256:e"}}
	asked(object.union(unchecked, approval)).answer == "permit"
	asked(object.union_n([unchecked, approval, {"output": {"digest": "sha256:other"}}])).answer == "review"
	asked(object.union_n([unchecked, approval, {"output": {"misfits": 2}}])).answer == "deny"
}

test_what_no_rule_decides_is_denied if {
	answer := release.decision with data.concordat.common.judge as undecided with input as base
	answer.answer == "deny"
	answer.reasons[0].code == "undecided"
}

undecided(_, _) := "never" if 1 == 2
