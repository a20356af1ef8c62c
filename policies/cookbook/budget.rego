# Nothing runs without a limit, and large limits are looked at.
#
# Who wants it: whoever pays.
# What changes: a contract that limits neither cost nor calls is denied with `budget_missing`; one that may
# cost or call more than its risk allows asks for review with `budget_large`.
# Where it looks: `budget.cost`, such as `2.50 USD`, and `budget.calls` of the contract.
#
# Switch it on with one line in package concordat.admit:
#
#	checks contains found if some found in data.concordat.cookbook.budget.checks
package concordat.cookbook.budget

import data.concordat.common

# What needs no second look, in the currency of the contract, and in calls.
most_cost := {"low": 50, "medium": 20, "high": 10, "critical": 5}

most_calls := {"low": 500, "medium": 200, "high": 100, "critical": 50}

checks contains common.check(
	"budget_missing", "fail", "critical",
	"the contract limits neither what it may cost nor how often it may call an agent",
	"set `budget.cost` or `budget.calls`",
) if {
	not input.contract.budget.cost
	not input.contract.budget.calls
}

checks contains common.check(
	"budget_large", "fail", "high",
	"the contract may use up more than its risk allows without a second look",
	"lower `budget.cost` or `budget.calls`, or let a reviewer approve it",
) if {
	large
}

large if {
	amount := to_number(split(input.contract.budget.cost, " ")[0])
	amount > most_cost[input.contract.governance.risk]
}

large if input.contract.budget.calls > most_calls[input.contract.governance.risk]
