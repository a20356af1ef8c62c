package concordat.dispatch_test

import data.concordat.dispatch

base := {
	"now": "2026-03-02T09:30:00Z",
	"submitter": {"name": "sam", "tenant": "acme"},
	"contract": {
		"name": "loan-approval",
		"digest": "sha256:c",
		"domain": "finance",
		"governance": governance,
		"budget_calls_left": 5,
		"budget_cost_left": {"micros": 50000, "currency": "USD"},
		"deadline_ms_left": 60000,
	},
	"step": {
		"id": "risk",
		"skill": "assess_risk",
		"leg": "do",
		"attempt": 1,
		"retry": false,
		"effect": "unsafe",
		"params": "sha256:f",
		"tainted": ["credit"],
	},
	"candidates": [one, two],
}

governance := {"risk": "high", "reversible": true, "dataClasses": ["pii", "financial"], "compliance": ["GDPR", "SOX"]}

one := {
	"id": "agt_1",
	"name": "one",
	"domains": ["finance"],
	"compliance": ["GDPR", "SOX"],
	"data_classes": ["pii"],
	"standing": "eligible",
	"cost": {"micros": 20000, "currency": "USD"},
	"in_flight": 0,
	"concurrency": 4,
	"breaker": "closed",
	"retries_left": 10,
	"trust": {"mean": 9000, "lower_bound": 8500, "evidence": 50},
	"failed_before": false,
}

two := object.union(one, {"id": "agt_2", "name": "two"})

asked(changes) := answer if {
	answer := dispatch.decision with input as object.union(base, changes)
}

codes(changes) := {reason.code | some reason in asked(changes).reasons}

noted(changes) := {check.policy | some check in asked(changes).checks}

excluded(change) := {code | some code in asked(beside(change)).excluded.agt_2}

# Both agents are as given.
both(change) := {"candidates": [object.union(one, change), object.union(two, change)]}

governed(change) := {"contract": {"governance": change}}

risk(level) := governed({"risk": level})

# The first agent is as it should be, the second as given.
beside(change) := {"candidates": [one, object.union(two, change)]}

trust(points) := {"trust": {"lower_bound": points}}

undo := {"step": {"leg": "undo"}}

approval := {"review": {"id": "rev_1", "by": "rita", "roles": ["reviewer"], "payload": "sha256:f"}}

test_who_may_do_it_is_permitted if {
	asked({}) == {
		"answer": "permit", "permitted": ["agt_1", "agt_2"], "strategy": "explore", "regions": [], "excluded": {}, "why": {},
	}
}

tagged(tags) := {"compliance": tags, "dataClasses": []}

goes_to(tags, here) := asked(object.union(both({"regions": here}), {"contract": {"governance": tagged(tags)}})).regions

test_work_goes_to_instances_in_the_regions_that_are_named if {
	goes_to(named, ["eu", "us"]) == ["ch", "eu"]
	goes_to(named, []) == []
	goes_to([], ["eu"]) == []
}

named := ["region:eu", "region:ch"]

test_nothing_is_tried_out_where_most_is_at_stake if {
	asked(risk("low")).strategy == "explore"
	asked(risk("high")).strategy == "explore"
	asked(object.union_n([risk("critical"), both(trust(9000)), {"step": {"effect": "none"}}])).strategy == "best"
}

test_each_agent_is_excluded_for_its_own_reasons if {
	excluded({"standing": "suspended"}) == {"agent_suspended"}
	every standing in ["proposed", "quarantined", "retired"] {
		excluded({"standing": standing}) == {"agent_suspended"}
	}
	excluded({"standing": "probation"}) == {"on_probation"}
	excluded({"verified": false}) == {"skill_false"}
	excluded({"domains": ["healthcare"]}) == {"domain_foreign"}
	excluded(trust(6999)) == {"trust_low"}
	excluded({"compliance": ["GDPR"]}) == {"compliance_missing"}
	excluded({"data_classes": ["financial"]}) == {"data_class_missing"}
	excluded({"cost": {"micros": 50001}}) == {"cost_over_budget"}
	excluded({"cost": {"currency": "EUR"}}) == {"cost_over_budget"}
	excluded({"in_flight": 4}) == {"agent_busy"}
	excluded({"breaker": "open"}) == {"breaker_open"}
	excluded({"rate_left": 0}) == {"rate_limited"}
	excluded({"failed_before": true}) == {"failed_before"}
	excluded({"domains": [], "standing": "suspended", "in_flight": 9}) == {"domain_foreign", "agent_suspended", "agent_busy"}
}

harmless(level, reversible) := governed({"risk": level, "reversible": reversible})

test_who_is_on_probation_works_where_little_is_at_stake if {
	tried := both({"standing": "probation"})
	asked(object.union(tried, harmless("low", true))).permitted == ["agt_1", "agt_2"]
	codes(object.union(tried, harmless("low", false))) == {"no_agent_permitted"}
	codes(object.union(tried, harmless("medium", true))) == {"no_agent_permitted"}
	asked(object.union(tried, undo)).answer == "permit"
	asked(both({"verified": true})).answer == "permit"
}

test_the_others_are_permitted_and_every_code_is_explained if {
	answer := asked(beside({"standing": "suspended", "in_flight": 4}))
	answer.answer == "permit"
	answer.permitted == ["agt_1"]
	{code | some code, _ in answer.why} == {"agent_suspended", "agent_busy"}
}

test_every_meaning_has_a_message_and_a_way_out if {
	every code in [
		"agent_suspended", "on_probation", "skill_false", "domain_foreign", "trust_low", "trust_lost", "compliance_missing", "data_class_missing",
		"cost_over_budget", "agent_busy", "breaker_open", "rate_limited", "retry_budget", "trials_spent", "failed_before",
	] {
		meaning := dispatch.meaning(code)
		meaning.message != ""
		meaning.fix != ""
	}
}

test_no_agent_works_outside_the_domain_or_without_one if {
	codes(both({"domains": ["healthcare"]})) == {"no_agent_permitted"}
	answer := dispatch.decision with input as json.remove(base, ["contract/domain"])
	answer.answer == "deny"
	{code | some given in answer.excluded; some code in given} == {"domain_foreign"}
}

test_trust_clears_the_risk if {
	least := {"low": 0, "medium": 5000, "high": 7000, "critical": 8000}
	every level, points in least {
		asked(object.union_n([risk(level), both(trust(points)), approval])).answer == "permit"
		noted(object.union_n([risk(level), both(trust(points)), approval])) & {"trust_unproven", "trust_insufficient"} == set()
	}
	every level in ["medium", "high", "critical"] {
		refused := asked(object.union(risk(level), both(trust(least[level] - 1))))
		refused.answer != "permit"
	}
}

test_without_proof_people_decide_who_may_try if {
	codes(both(trust(300))) == {"trust_unproven"}
	asked(both(trust(300))).answer == "review"
	tried := asked(object.union(both(trust(300)), approval))
	tried.answer == "permit"
	tried.permitted == ["agt_1", "agt_2"]
	{check.policy | some check in tried.checks} == {"trust_unproven"}
}

standing_with(mean) := {"trust": {"mean": mean, "lower_bound": 300}}

failed := {"failed_before": true}

test_people_cannot_let_those_try_who_proved_the_contrary if {
	lost := both(standing_with(2999))
	codes(object.union(lost, approval)) == {"no_agent_permitted"}
	excluded(standing_with(2999)) == {"trust_lost"}
	excluded(standing_with(3000)) == {"trust_low"}
	excluded(object.union(standing_with(2999), failed)) == {"trust_low"}
	asked(object.union(risk("low"), lost)).answer == "permit"
}

test_people_cannot_stand_in_for_anything_but_proof if {
	answer := asked(object.union({"candidates": [
		object.union(one, trust(300)),
		object.union(two, object.union(trust(300), {"standing": "suspended"})),
	]}, approval))
	answer.permitted == ["agt_1"]
	codes(object.union(both(object.union(trust(300), {"domains": []})), approval)) == {"no_agent_permitted"}
}

test_critical_work_is_for_the_proven if {
	critical := object.union_n([risk("critical"), both(trust(7999)), {"step": {"effect": "none"}}])
	codes(critical) == {"trust_insufficient"}
	asked(object.union(critical, approval)).answer == "deny"
}

test_where_little_is_at_stake_agents_may_prove_themselves if {
	answer := asked(object.union(risk("low"), both(trust(250))))
	answer.answer == "permit"
	{check.policy | some check in answer.checks} == {"probation"}
}

unproven := {"trust": {"unproven": true}}

trials(had, share) := {"trials": {"count": had, "share": share, "shaken": false}}

# Who gets it where little is at stake, when the second agent has yet to prove itself.
goes(had) := asked(object.union_n([risk("low"), beside(unproven), had])).permitted

test_who_is_unproven_gets_a_small_part_where_others_are_proven if {
	goes(trials(39, 10000)) == ["agt_1", "agt_2"]
	goes(trials(40, 500)) == ["agt_1", "agt_2"]
	goes(trials(40, 501)) == ["agt_1"]
	refused := asked(object.union_n([risk("low"), beside(unproven), trials(40, 501)]))
	refused.excluded.agt_2 == ["trials_spent"]
	refused.why.trials_spent.fix != ""
}

test_a_domain_that_does_worse_looks_wider if {
	worse := {"trials": {"shaken": true}}
	goes(object.union(trials(40, 3000), worse)) == ["agt_1", "agt_2"]
	goes(object.union(trials(40, 3001), worse)) == ["agt_1"]
}

test_what_cannot_be_undone_is_for_the_proven_where_there_are_any if {
	goes(object.union(trials(0, 0), harmless("low", false))) == ["agt_1"]
	asked(object.union(harmless("low", false), both(unproven))).permitted == ["agt_1", "agt_2"]
}

test_where_nobody_is_proven_somebody_does_the_work if {
	all := object.union_n([risk("low"), both(unproven), trials(40, 10000)])
	asked(all).permitted == ["agt_1", "agt_2"]
	alone := {"candidates": [object.union(one, failed), object.union(two, unproven)]}
	asked(object.union_n([risk("low"), trials(40, 10000), alone])).permitted == ["agt_2"]
}

test_an_agent_that_failed_is_asked_again_only_when_alone if {
	asked(beside({"failed_before": true})).permitted == ["agt_1"]
	asked(both({"failed_before": true})).permitted == ["agt_1", "agt_2"]
}

test_agents_at_their_limit_are_waited_for if {
	codes(both({"in_flight": 4})) == {"agent_busy"}
	codes({"candidates": [
		object.union(one, {"in_flight": 4}),
		object.union(two, {"standing": "suspended"}),
	]}) == {"agent_busy"}
	codes(both({"in_flight": 4, "standing": "suspended"})) == {"no_agent_permitted"}
}

test_an_open_breaker_lets_nothing_pass if {
	codes(both({"breaker": "open"})) == {"breaker_open"}
	asked(object.union(both({"breaker": "open"}), approval)).answer == "deny"
	asked(object.union(both({"breaker": "open"}), undo)).answer == "deny"
	asked(beside({"breaker": "open"})).permitted == ["agt_1"]
	asked(both({"breaker": "half_open"})).permitted == ["agt_1", "agt_2"]
}

test_a_rate_is_waited_for if {
	codes(both({"rate_left": 0})) == {"agent_busy"}
	asked(both({"rate_left": 1})).answer == "permit"
	codes({"candidates": [
		object.union(one, {"rate_left": 0}),
		object.union(two, {"breaker": "open"}),
	]}) == {"agent_busy"}
	codes(both({"rate_left": 0, "breaker": "open"})) == {"breaker_open"}
}

test_retries_have_a_budget if {
	retry := {"step": {"retry": true, "attempt": 2}}
	spent := both({"retries_left": 0})
	asked(spent).answer == "permit"
	codes(object.union(retry, spent)) == {"retry_budget"}
	asked(object.union_n([retry, spent, undo])).answer == "permit"
	asked(object.union(retry, beside({"retries_left": 0}))).permitted == ["agt_1"]
	codes(object.union(retry, both({"retries_left": 0, "standing": "suspended"}))) == {"no_agent_permitted"}
}

test_somebody_must_offer_the_skill if {
	codes({"candidates": []}) == {"no_candidate"}
}

test_what_costs_nothing_is_always_affordable if {
	free := json.remove(one, ["cost"])
	answer := dispatch.decision with input as json.patch(base, [{"op": "replace", "path": "/candidates", "value": [free]}])
	answer.permitted == ["agt_1"]
}

test_personal_data_goes_only_where_it_may if {
	loose := {"compliance": [], "data_classes": []}
	excluded(loose) == {"compliance_missing", "data_class_missing"}
	impersonal := governed({"dataClasses": ["financial"]})
	asked(object.union(impersonal, both(loose))).answer == "permit"
	health := governed({"dataClasses": ["health"]})
	codes(health) == {"no_agent_permitted"}
}

test_budget_and_deadline_hold if {
	codes({"contract": {"budget_calls_left": 0}}) == {"budget_calls_spent"}
	codes({"contract": {"deadline_ms_left": 0}}) == {"deadline_passed"}
	codes({"contract": {"deadline_ms_left": -5}}) == {"deadline_passed"}
	asked(object.union({"contract": {"deadline_ms_left": -5}}, approval)).answer == "deny"
}

test_without_limits_there_is_nothing_to_hold if {
	answer := dispatch.decision with input as json.remove(
		base,
		["contract/budget_calls_left", "contract/budget_cost_left", "contract/deadline_ms_left"],
	)
	answer.answer == "permit"
}

test_undoing_does_not_wait_for_trust_money_or_time if {
	poor := {"contract": {
		"budget_calls_left": 0,
		"budget_cost_left": {"micros": 0, "currency": "USD"},
		"deadline_ms_left": -1,
		"governance": {"risk": "critical"},
	}}
	answer := asked(object.union_n([undo, poor, both(trust(0))]))
	answer.answer == "permit"
	{check.policy | some check in answer.checks} == {"budget_calls_spent", "deadline_passed"}
	{check.result | some check in answer.checks} == {"warn"}
}

test_undoing_still_needs_the_domain_and_good_standing if {
	codes(object.union(undo, both({"domains": []}))) == {"no_agent_permitted"}
	codes(object.union(undo, both({"standing": "suspended"}))) == {"no_agent_permitted"}
}

test_an_agents_word_alone_does_not_decide_what_is_critical if {
	codes(risk("critical")) == {"tainted_parameter"}
	asked(risk("critical")).answer == "review"
	asked(object.union(risk("critical"), approval)).answer == "permit"
	asked(object.union(risk("critical"), {"step": {"tainted": []}})).answer == "permit"
	asked(object.union(risk("critical"), {"step": {"effect": "idempotent"}})).answer == "permit"
}

test_an_approval_of_something_else_is_none if {
	other := object.union(approval, {"review": {"payload": "sha256:other"}})
	asked(object.union(risk("critical"), other)).answer == "review"
	own := object.union(approval, {"review": {"by": "sam"}})
	asked(object.union(risk("critical"), own)).answer == "review"
}

test_what_no_rule_decides_is_denied if {
	answer := dispatch.decision with data.concordat.common.judge as undecided with input as base
	answer.answer == "deny"
	answer.reasons[0].code == "undecided"
}

undecided(_, _) := "never" if 1 == 2
