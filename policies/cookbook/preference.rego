# Work goes to the house's own agents while one of them can do it.
#
# Who wants it: an organisation that pays for agents of its own and keeps others for when those are busy.
# What changes: while a preferred agent is eligible, free, and trusted enough, every other one is excluded
# with `preferred_first`.
# Where it looks: `owner`, which those who answer for an agent registered. What an agent is called, or says of
# itself, counts for nothing. Undoing waits for nobody.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.preference.rejected; some code in codes }
package concordat.cookbook.preference

# Whose agents come first, by domain.
preferred := {
	"finance": {"bank.example"},
	"healthcare": {"clinic.example"},
}

# The trust below which a preferred agent holds nobody back.
proven := 7000

first contains id if {
	some candidate in input.candidates
	candidate.owner in preferred[input.contract.domain]
	candidate.standing == "eligible"
	candidate.breaker == "closed"
	candidate.in_flight < candidate.concurrency
	candidate.trust.lower_bound >= proven
	not candidate.failed_before
	id := candidate.id
}

rejected[id] contains "preferred_first" if {
	first != set()
	input.step.leg != "undo"
	some candidate in input.candidates
	not candidate.id in first
	id := candidate.id
}
