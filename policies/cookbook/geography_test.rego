package concordat.cookbook.geography_test

import data.concordat.cookbook.geography

asked(wanted, tags) := {id: codes |
	some id, codes in geography.rejected with input as {
		"contract": {"governance": {"compliance": wanted}},
		"candidates": [{"id": "agt_1", "compliance": tags}],
	}
}

foreign := {"agt_1": {"region_foreign"}}

test_an_agent_in_the_region_may_do_it if asked(["GDPR", "region:eu"], ["region:eu"]) == {}

test_an_agent_elsewhere_may_not if asked(["region:eu"], ["region:us", "GDPR"]) == foreign

test_an_agent_without_a_region_is_nowhere if asked(["region:eu"], []) == foreign

test_any_of_the_named_regions_will_do if {
	asked(["region:eu", "region:ch"], ["region:ch"]) == {}
	asked(["region:eu", "region:ch"], ["region:us"]) == foreign
}

test_without_a_region_anybody_may_do_it if {
	asked([], ["region:us"]) == {}
	asked(["GDPR"], []) == {}
}
