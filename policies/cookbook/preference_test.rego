package concordat.cookbook.preference_test

import data.concordat.cookbook.preference

own := {
	"id": "agt_1", "owner": "bank.example", "standing": "eligible", "breaker": "closed",
	"in_flight": 0, "concurrency": 2, "trust": {"lower_bound": 8000}, "failed_before": false,
}

other := object.union(own, {"id": "agt_2", "owner": "elsewhere.example"})

asked(mine, change) := {id: codes |
	some id, codes in preference.rejected with input as object.union(
		{"contract": {"domain": "finance"}, "step": {"leg": "do"}, "candidates": [object.union(own, mine), other]},
		change,
	)
}

test_the_houses_own_come_first if asked({}, {}) == {"agt_2": {"preferred_first"}}

test_when_they_cannot_do_it_others_do if {
	every mine in [
		{"standing": "suspended"}, {"breaker": "open"}, {"in_flight": 2},
		{"trust": {"lower_bound": 6999}}, {"failed_before": true}, {"owner": "third.example"},
	] {
		asked(mine, {}) == {}
	}
}

test_a_domain_without_a_preference_has_none if asked({}, {"contract": {"domain": "research"}}) == {}

test_undoing_waits_for_nobody if asked({}, {"step": {"leg": "undo"}}) == {}

test_a_name_is_no_preference if {
	asked({"owner": "third.example", "name": "preferred"}, {}) == {}
}
