package concordat.cookbook.geography_test

import data.concordat.cookbook.geography

asked(wanted, regions) := {id: codes |
	some id, codes in geography.rejected with input as {
		"contract": {"governance": {"compliance": wanted}},
		"candidates": [{"id": "agt_1", "regions": regions}],
	}
}

foreign := {"agt_1": {"region_foreign"}}

test_an_agent_in_the_region_may_do_it if asked(["GDPR", "region:eu"], ["eu", "us"]) == {}

test_an_agent_elsewhere_may_not if asked(["region:eu"], ["us"]) == foreign

test_an_agent_without_a_region_is_nowhere if asked(["region:eu"], []) == foreign

test_any_of_the_named_regions_will_do if {
	asked(["region:eu", "region:ch"], ["ch"]) == {}
	asked(["region:eu", "region:ch"], ["us"]) == foreign
}

test_without_a_region_anybody_may_do_it if {
	asked([], ["us"]) == {}
	asked(["GDPR"], []) == {}
}
