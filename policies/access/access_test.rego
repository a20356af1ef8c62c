package concordat.access_test

import data.concordat.access

base := {
	"now": "2026-03-02T09:30:00Z",
	"principal": {"name": "sam", "tenant": "acme", "roles": ["submitter"]},
	"action": "contracts.submit",
	"resource": {"kind": "contract", "tenant": "acme", "submitter": "sam"},
}

asked(changes) := answer if {
	answer := access.decision with input as object.union(base, changes)
}

codes(changes) := {reason.code | some reason in asked(changes).reasons}

asks(name, roles, action) := {"principal": {"name": name, "roles": roles}, "action": action}

test_a_submitter_submits if {
	asked({}) == {"answer": "permit"}
}

test_a_role_is_needed if {
	codes(asks("sam", [], "contracts.submit")) == {"role_missing"}
	codes(asks("sam", ["viewer"], "contracts.submit")) == {"role_missing"}
	codes(asks("sam", ["submitter"], "keys.create")) == {"role_missing"}
	codes(asks("sam", ["unheard-of"], "contracts.read")) == {"role_missing"}
	codes(asks("sam", ["admin"], "unheard.of")) == set()
}

test_every_role_may_do_what_it_is_for if {
	some_may := {
		"submitter": "contracts.submit",
		"viewer": "metrics.read",
		"reviewer": "reviews.read",
		"auditor": "audit.read",
		"registry_admin": "agents.register",
		"policy_author": "policy.read",
		"operator": "agents.suspend",
		"admin": "keys.create",
	}
	every role, action in some_may {
		asked(asks("eve", [role], action)).answer == "permit"
	}
}

test_only_auditors_take_the_log_away if {
	every role in ["auditor", "admin"] {
		asked(asks("eve", [role], "audit.export")).answer == "permit"
	}
	every role in ["submitter", "viewer", "reviewer", "registry_admin", "policy_author", "operator"] {
		codes(asks("eve", [role], "audit.export")) == {"role_missing"}
	}
}

test_who_knows_the_work_rates_it_and_who_keeps_the_registry_testifies if {
	every role in ["submitter", "reviewer", "admin"] {
		asked(asks("sam", [role], "contracts.rate")).answer == "permit"
	}
	every role in ["registry_admin", "admin"] {
		asked(asks("eve", [role], "trust.testify")).answer == "permit"
	}
	every role in ["submitter", "viewer", "reviewer", "auditor", "policy_author", "operator"] {
		codes(asks("eve", [role], "trust.testify")) == {"role_missing"}
	}
	codes(asks("eve", ["viewer"], "contracts.rate")) == {"role_missing"}
}

test_only_an_administrator_hands_out_keys if {
	every role in ["submitter", "viewer", "reviewer", "auditor", "registry_admin", "policy_author", "operator"] {
		every action in ["keys.create", "keys.revoke"] {
			codes(asks("eve", [role], action)) == {"role_missing"}
		}
	}
}

test_what_belongs_to_others_is_theirs if {
	codes({"resource": {"tenant": "other"}}) == {"tenant_foreign"}
	theirs := {"resource": {"kind": "key", "tenant": "other"}}
	codes(object.union(asks("eve", ["admin"], "keys.revoke"), theirs)) == {"tenant_foreign"}
	codes(object.union(asks("eve", ["admin", "operator"], "contracts.read"), {"resource": {"tenant": "other"}})) == {"tenant_foreign"}
}

test_who_keeps_the_house_lets_organisations_in if {
	theirs := {"resource": {"kind": "key", "tenant": "other"}}
	codes(object.union(asks("eve", ["admin", "operator"], "keys.create"), theirs)) == set()
}

test_whose_it_is_must_be_known if {
	every kind, action in {"contract": "contracts.read", "review": "reviews.answer", "decision": "decisions.read"} {
		nobodys := {
			"principal": {"name": "eve", "tenant": "acme", "roles": ["admin"]},
			"action": action,
			"resource": {"kind": kind, "submitter": "sam"},
		}
		answer := access.decision with input as nobodys
		{reason.code | some reason in answer.reasons} == {"tenant_unknown"}
	}
}

test_agents_belong_to_nobody if {
	agents := {"kind": "agent"}
	answer := access.decision with input as {
		"principal": {"name": "eve", "tenant": "acme", "roles": ["registry_admin"]},
		"action": "agents.restore",
		"resource": agents,
	}
	answer.answer == "permit"
}

test_a_submitter_stops_only_their_own_contract if {
	asked({"action": "contracts.cancel"}).answer == "permit"
	codes(asks("eve", ["submitter"], "contracts.cancel")) == {"contract_of_another"}
	asked(asks("eve", ["operator"], "contracts.cancel")).answer == "permit"
	asked(asks("eve", ["admin"], "contracts.cancel")).answer == "permit"
}

test_a_contract_that_nobody_submitted_is_not_ones_own if {
	answer := access.decision with input as {
		"principal": {"name": "sam", "tenant": "acme", "roles": ["submitter"]},
		"action": "contracts.cancel",
		"resource": {"kind": "contract", "tenant": "acme"},
	}
	{reason.code | some reason in answer.reasons} == {"contract_of_another"}
}

test_nobody_reviews_what_they_submitted if {
	asked(asks("eve", ["reviewer"], "reviews.answer")).answer == "permit"
	every roles in [["reviewer"], ["admin"], ["reviewer", "admin", "submitter"]] {
		codes(asks("sam", roles, "reviews.answer")) == {"four_eyes"}
	}
}

test_without_a_submitter_there_is_no_second_person if {
	answer := access.decision with input as {
		"principal": {"name": "eve", "tenant": "acme", "roles": ["reviewer"]},
		"action": "reviews.answer",
		"resource": {"kind": "review", "tenant": "acme"},
	}
	{reason.code | some reason in answer.reasons} == {"four_eyes"}
}

test_an_application_asks_what_an_author_has_written if {
	space := {"kind": "opa", "tenant": "acme"}
	every role in ["submitter", "policy_author", "admin"] {
		asked(object.union(asks("app", [role], "opa.read"), {"resource": space})).answer == "permit"
	}
	every role in ["viewer", "reviewer", "auditor", "registry_admin", "operator"] {
		codes(object.union(asks("app", [role], "opa.read"), {"resource": space})) == {"role_missing"}
	}
	every role in ["policy_author", "admin"] {
		asked(object.union(asks("ann", [role], "opa.write"), {"resource": space})).answer == "permit"
	}
	every role in ["submitter", "viewer", "reviewer", "auditor", "registry_admin", "operator"] {
		codes(object.union(asks("ann", [role], "opa.write"), {"resource": space})) == {"role_missing"}
	}
	codes(object.union(asks("ann", ["admin"], "opa.write"), {"resource": {"tenant": "other"}})) == {"tenant_foreign"}
}

test_nothing_is_permitted_when_nothing_is_known if {
	answer := access.decision with input as {}
	answer.answer == "deny"
}

test_what_no_rule_decides_is_denied if {
	answer := access.decision with data.concordat.common.judge as undecided with input as base
	answer.answer == "deny"
	answer.reasons[0].code == "undecided"
}

undecided(_, _) := "never" if 1 == 2

test_whoever_lacks_a_role_is_told_which_would_do if {
	some alone in asked(asks("sam", ["viewer"], "keys.create")).reasons
	endswith(alone.fix, ": admin")
	some several in asked(asks("sam", [], "contracts.rate")).reasons
	endswith(several.fix, ": admin, reviewer, submitter")
}
