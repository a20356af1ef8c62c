# Which of the candidates may do a step: one pass for each of them.
package routing

decision := {"permitted": permitted, "rejected": rejected}

permitted := [candidate.id | some candidate in input.candidates; count(reasons(candidate)) == 0]

rejected := {candidate.id: found |
	some candidate in input.candidates
	found := reasons(candidate)
	count(found) > 0
}

reasons(candidate) := {code | some code, holds in checks(candidate); not holds}

checks(candidate) := {
	"domain": input.step.domain in candidate.domains,
	"skill": input.step.skill in candidate.skills,
	"health": candidate.health == "healthy",
	"trust": candidate.trust >= data.routing_tiers[input.step.risk],
	"tags": count({tag | some tag in input.step.tags; not tag in candidate.tags}) == 0,
	"region": candidate.region in input.step.regions,
	"price": candidate.price <= input.step.budget,
	"busy": candidate.calls < candidate.limit,
}
