package concordat.cookbook.domain_boundary_test

import data.concordat.cookbook.domain_boundary

asked(domain, domains) := {id: codes |
	some id, codes in domain_boundary.rejected with input as {
		"contract": {"domain": domain},
		"candidates": [{"id": "agt_1", "domains": domains}, {"id": "agt_2", "domains": [domain]}],
	}
}

test_an_agent_on_both_sides_is_kept_out if {
	asked("healthcare", ["healthcare", "social-media"]) == {"agt_1": {"wall_crossed"}}
}

test_an_agent_on_one_side_is_not if asked("healthcare", ["healthcare", "research"]) == {}

test_a_wall_has_two_sides_and_only_one_of_them_is_asked if {
	asked("social-media", ["social-media", "healthcare"]) == {}
}

test_a_domain_without_walls_has_none if asked("software", ["software", "social-media"]) == {}
