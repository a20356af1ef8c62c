package concordat.cookbook.capability_match_test

import data.concordat.cookbook.capability_match

asked(skill, evidence, risk, leg) := {id: codes |
	some id, codes in capability_match.rejected with input as {
		"contract": {"governance": {"risk": risk}},
		"step": {"skill": skill, "leg": leg},
		"candidates": [{"id": "agt_1", "trust": {"evidence": evidence}}],
	}
}

unproven := {"agt_1": {"capability_unproven"}}

test_a_named_skill_has_its_own_measure if {
	asked("assess_risk", 19, "medium", "do") == unproven
	asked("assess_risk", 20, "medium", "do") == {}
	asked("transfer_funds", 99, "high", "do") == unproven
}

test_any_other_skill_has_the_common_one if {
	asked("write", 4, "medium", "do") == unproven
	asked("write", 5, "medium", "do") == {}
}

test_low_risk_is_where_agents_show_what_they_can_do if asked("assess_risk", 0, "low", "do") == {}

test_undoing_waits_for_nobody if asked("assess_risk", 0, "high", "undo") == {}
