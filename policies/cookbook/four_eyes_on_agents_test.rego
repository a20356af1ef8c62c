package concordat.cookbook.four_eyes_on_agents_test

import data.concordat.cookbook.four_eyes_on_agents

asked(question) := {check.policy |
	some check in four_eyes_on_agents.checks with input as question
}

wants(name, what) := asked(object.union(what, {"author": "ann", "by": {"name": name}}))

test_a_registration_waits if wants("ann", {"change": "register", "to": "eligible"}) == {"four_eyes"}

approval := {"change": "place", "from": "proposed", "to": "eligible"}

change := {"change": "revise", "from": "eligible", "to": "probation"}

test_the_author_does_not_approve if {
	wants("ann", approval) == {"four_eyes"}
	wants("bob", approval) == set()
	wants("ann", change) == {"four_eyes"}
	wants("bob", change) == set()
}

test_somebody_else_sets_its_credentials if {
	credentials := {"change": "credentials", "from": "eligible", "to": "eligible"}
	wants("ann", credentials) == {"four_eyes"}
	wants("bob", credentials) == set()
}

test_taking_an_agent_away_needs_nobody if {
	wants("ann", {"change": "place", "from": "eligible", "to": "quarantined"}) == set()
}
