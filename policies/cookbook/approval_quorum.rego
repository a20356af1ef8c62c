# What matters is agreed by two people, one of whom answers for the field.
#
# Who wants it: an organisation with a rule of two: who asks, and who answers for the domain.
# What changes: a contract of high or critical risk asks for review with `quorum_open`, and an approval by
# anybody but one of those who answer for its domain is refused with `quorum_missing`.
# Where it looks: `review`. A decision is told of one approval, so the two people are who submitted and who
# approved; more than two would need an input that names them.
#
# Switch it on with one line in package concordat.admit:
#
#	checks contains found if some found in data.concordat.cookbook.approval_quorum.checks
package concordat.cookbook.approval_quorum

import data.concordat.common

# Who answers for a domain. A domain that is not named is answered for by administrators.
answerable := {
	"finance": {"rita", "frank"},
	"healthcare": {"hanna"},
}

weighty if input.contract.governance.risk in {"high", "critical"}

checks contains common.check(
	"quorum_open", "fail", "high",
	"work of this risk is agreed by two people",
	"let somebody who answers for the domain approve it",
) if {
	weighty
	not input.review
}

checks contains common.check(
	"quorum_missing", "fail", "critical",
	"who approved this does not answer for its domain, or asked for it",
	"submit it again, and let somebody who answers for the domain approve it",
) if {
	weighty
	input.review
	not agreed
}

agreed if {
	second_person
	input.review.by in answerable[input.classification.verdict.domain]
}

agreed if {
	second_person
	not answerable[input.classification.verdict.domain]
	"admin" in input.review.roles
}

second_person if {
	input.review.payload == input.contract.digest
	input.review.by != input.submitter.name
}
