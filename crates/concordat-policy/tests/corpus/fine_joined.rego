package own

step(n) := sprintf("%s, and %s", [n.id, n.skill])

lines := [step(x) | some x in input.contract.steps]

shown if contains(concat("\n", lines), input.contract.name)
