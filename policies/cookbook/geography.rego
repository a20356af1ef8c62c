# Work that must stay in a region stays there.
#
# Who wants it: whoever promised that data does not leave a region.
# What changes: where a contract names regions, an agent that was not assessed for one of them is excluded
# with `region_foreign`.
# Where it looks: tags that are there already: `region:eu` among `governance.compliance` of the contract, and
# among `compliance` of an agent, which those who answer for it registered. An agent without a region is
# nowhere.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.geography.rejected; some code in codes }
package concordat.cookbook.geography

# The regions that the contract may be done in: any one of them will do.
wanted contains tag if {
	some tag in input.contract.governance.compliance
	startswith(tag, "region:")
}

rejected[id] contains "region_foreign" if {
	wanted != set()
	some candidate in input.candidates
	tags := {tag | some tag in candidate.compliance}
	wanted & tags == set()
	id := candidate.id
}
