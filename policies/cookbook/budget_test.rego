package concordat.cookbook.budget_test

import data.concordat.cookbook.budget

codes(risk, limits) := {check.policy |
	some check in budget.checks with input as {"contract": {"governance": {"risk": risk}, "budget": limits}}
}

test_some_limit_is_needed if {
	codes("low", {}) == {"budget_missing"}
	codes("low", {"calls": 1}) == set()
	codes("low", {"cost": "1 USD"}) == set()
}

test_cost_is_looked_at_from_a_limit_on if {
	codes("medium", {"cost": "20 USD"}) == set()
	codes("medium", {"cost": "20.01 USD"}) == {"budget_large"}
}

test_calls_are_looked_at_from_a_limit_on if {
	codes("high", {"calls": 100}) == set()
	codes("high", {"calls": 101}) == {"budget_large"}
}

test_the_more_is_at_stake_the_sooner if {
	every risk, cost in {"low": "50.5 EUR", "medium": "20.5 EUR", "high": "10.5 EUR", "critical": "5.5 EUR"} {
		codes(risk, {"cost": cost}) == {"budget_large"}
	}
}

test_a_check_says_the_way_out if {
	some check in budget.checks with input as {"contract": {"governance": {"risk": "low"}, "budget": {}}}
	check.severity == "critical"
	check.fix != ""
}
