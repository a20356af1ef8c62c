# A skill counts only once it was tried.
#
# Who wants it: an organisation that has examples of every skill, and agents whose examples do no harm when they run.
# What changes: an agent whose skill was never tried with its example is excluded with `skill_unproven`. (One that was
# tried and did not do what it says is excluded without this.)
# Where it looks: `verified` of the candidates.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.proven_skills.rejected; some code in codes }
package concordat.cookbook.proven_skills

# What was done has to be undone, whoever was tried.
doing if input.step.leg == "do"

rejected[id] contains "skill_unproven" if {
	doing
	some candidate in input.candidates
	object.get(candidate, "verified", "unknown") == "unknown"
	id := candidate.id
}
