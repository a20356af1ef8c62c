package concordat.cookbook.trust_by_risk_test

import data.concordat.cookbook.trust_by_risk

asked(domain, risk, bound, leg) := {id: codes |
	some id, codes in trust_by_risk.rejected with input as {
		"contract": {"domain": domain, "governance": {"risk": risk}},
		"step": {"leg": leg},
		"candidates": [{"id": "agt_1", "trust": {"lower_bound": bound}}],
	}
}

below := {"agt_1": {"trust_below_tier"}}

test_the_measure_is_a_least if {
	every risk, least in trust_by_risk.tiers.finance {
		asked("finance", risk, least, "do") == {}
		asked("finance", risk, least - 1, "do") == below
	}
}

test_each_domain_has_its_own if {
	asked("finance", "medium", 7500, "do") == {}
	asked("healthcare", "medium", 7500, "do") == below
}

test_a_domain_without_tiers_is_left_to_the_standard_policy if asked("research", "critical", 0, "do") == {}

test_undoing_waits_for_nobody if asked("finance", "critical", 0, "undo") == {}
