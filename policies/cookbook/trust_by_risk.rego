# Each field of work has its own measure of trust.
#
# Who wants it: an organisation that forgives less in some domains than the standard policy does.
# What changes: an agent whose trust is below the measure of the domain and risk is excluded with
# `trust_below_tier`; not even an approval stands in for that.
# Where it looks: `trust.lower_bound`, in hundredths of a percent: what is proven, not what is hoped. Undoing
# waits for nobody.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.trust_by_risk.rejected; some code in codes }
package concordat.cookbook.trust_by_risk

tiers := {
	"finance": {"low": 4000, "medium": 7000, "high": 8500, "critical": 9000},
	"healthcare": {"low": 6000, "medium": 8000, "high": 9000, "critical": 9500},
}

rejected[id] contains "trust_below_tier" if {
	input.step.leg != "undo"
	least := tiers[input.contract.domain][input.contract.governance.risk]
	some candidate in input.candidates
	candidate.trust.lower_bound < least
	id := candidate.id
}
