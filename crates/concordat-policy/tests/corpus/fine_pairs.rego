package own

pairs := {[x.id, y.id] |
	some x in input.contract.steps
	some y in input.contract.steps
	x.id < y.id
}

shown if count(pairs) > 1000
