package own

rows := [row |
	some at, step in input.contract.steps
	row := {
		"at": at,
		"contract": input.contract.name,
		"now": input.now,
		"text": sprintf("%d: %s of %s", [at, step.id, input.contract.name]),
	}
]

shown if contains(json.marshal({"rows": rows}), "never")
