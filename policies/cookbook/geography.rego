# Work that must stay in a region stays there.
#
# Who wants it: whoever promised that data does not leave a region.
# What changes: where a contract names regions, an agent without an instance in one of them is excluded with
# `region_foreign`. Of an agent that has one, only such an instance gets the work: `dispatch.rego` sees to that.
# Where it looks: the `region:eu` tags among `governance.compliance` of the contract, and the regions of an agent's
# instances, which those who answer for it registered; an agent that names none is where the same tags among its
# `compliance` say. An agent without a region is nowhere.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.geography.rejected; some code in codes }
package concordat.cookbook.geography

# The regions that the contract may be done in: any one of them will do.
wanted contains region if {
	some tag in input.contract.governance.compliance
	startswith(tag, "region:")
	region := substring(tag, 7, -1)
}

rejected[id] contains "region_foreign" if {
	wanted != set()
	some candidate in input.candidates
	here := {region | some region in object.get(candidate, "regions", [])}
	wanted & here == set()
	id := candidate.id
}
