# A skill is given only to agents that have shown it often enough.
#
# Who wants it: whoever does not want a claimed skill to be tried out on real work.
# What changes: an agent with less evidence for the skill than is asked for is excluded with
# `capability_unproven`; where the risk is low, agents may still show what they can do.
# Where it looks: `trust.evidence`: what Concordat itself saw of this agent with this skill in this domain.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.capability_match.rejected; some code in codes }
package concordat.cookbook.capability_match

# The outcomes that must have been seen, by skill, and for skills that are not named.
least_seen := {"assess_risk": 20, "transfer_funds": 100}

least_of_any := 5

least := object.get(least_seen, input.step.skill, least_of_any)

rejected[id] contains "capability_unproven" if {
	input.contract.governance.risk != "low"
	input.step.leg != "undo"
	some candidate in input.candidates
	candidate.trust.evidence < least
	id := candidate.id
}
