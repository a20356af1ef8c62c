package own

by_skill[skill] contains id if {
	some step in input.contract.steps
	skill := step.skill
	id := step.id
}

counts := {skill: count(ids) | some skill, ids in by_skill}

largest := [{"skill": skill, "ids": ids, "all": counts} | some skill, ids in by_skill]

shown if count(largest) > 100
