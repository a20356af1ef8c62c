# Whatever needs care goes only to agents that are cleared for it.
#
# Who wants it: an organisation whose financial and confidential data need the same care as data about people,
# for which the standard policy asks already.
# What changes: an agent that is not cleared for every class of data of the contract is excluded with
# `class_uncleared`.
# Where it looks: `governance.dataClasses` of the contract and `data_classes` of the agents. It holds when
# undoing, too: the data is the same.
#
# Switch it on with one line in package concordat.dispatch:
#
#	rejected[id] contains code if { some id, codes in data.concordat.cookbook.data_classes.rejected; some code in codes }
package concordat.cookbook.data_classes

guarded := {"financial", "confidential"}

rejected[id] contains "class_uncleared" if {
	some class in input.contract.governance.dataClasses
	class in guarded
	some candidate in input.candidates
	not class in candidate.data_classes
	id := candidate.id
}
