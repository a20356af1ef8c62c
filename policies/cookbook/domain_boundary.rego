# Work of one field stays away from agents that also serve another one.
#
# Who wants it: a clinic, a law firm, or anybody whose agents must not carry what they learn to the other side
# of a wall.
# What changes: an agent that is registered for a domain on the other side of the wall is excluded with
# `wall_crossed`.
# Where it looks: the agents' `domains` and the domain that the contract is held to.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.domain_boundary.rejected; some code in codes }
package concordat.cookbook.domain_boundary

# For each domain, those whose agents may not do its work.
walls := {
	"healthcare": {"social-media", "e-commerce"},
	"finance": {"social-media"},
}

rejected[id] contains "wall_crossed" if {
	some candidate in input.candidates
	some domain in candidate.domains
	domain in walls[input.contract.domain]
	id := candidate.id
}
