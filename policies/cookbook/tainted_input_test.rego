package concordat.cookbook.tainted_input_test

import data.concordat.cookbook.tainted_input

asked(risk, change) := {check.policy |
	some check in tainted_input.checks with input as {
		"contract": {"governance": {"risk": risk}},
		"step": object.union({"effect": "idempotent", "leg": "do", "tainted": ["credit"]}, change),
	}
}

test_where_much_is_at_stake_people_look if {
	asked("high", {}) == {"tainted_input"}
	asked("critical", {"effect": "unsafe"}) == {"tainted_input"}
}

test_where_little_is_at_stake_they_do_not if {
	asked("low", {}) == set()
	asked("medium", {}) == set()
}

test_what_changes_nothing_may_be_fed_anything if asked("critical", {"effect": "none"}) == set()

test_what_nobody_said_taints_nothing if {
	asked("high", {"tainted": []}) == set()
	asked("high", {"tainted": ["intake"]}) == set()
	asked("high", {"tainted": ["intake", "credit"]}) == {"tainted_input"}
}

test_undoing_waits_for_nobody if asked("high", {"leg": "undo"}) == set()
