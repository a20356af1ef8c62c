# May this policy come into force?
#
# The policy in force answers, about the one that is to come. Its tests hold, or it would not have been published.
package concordat.promote

import data.concordat.common

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

decision := common.judge(checks, false)

# Where the revision would decide anything.
deciding if input.to in {"canary", "enforced"}

# Breaking the glass turns what is missing into something that is only recorded.
default breaking := "fail"

breaking := "warn" if input.break_glass

checks contains common.check(
	"four_eyes", breaking, "critical",
	"who wrote a policy does not bring it into force",
	"ask somebody else to look at it and to promote it",
) if {
	deciding
	input.revision.author == input.publisher.name
}

checks contains common.check(
	"tests_missing", breaking, "critical",
	"the policy has no tests",
	"add rules named `test_...` to its bundle, and publish it again",
) if {
	deciding
	input.revision.tests == 0
}

checks contains common.check(
	"impact_unseen", breaking, "critical",
	"nobody has seen what the policy would change",
	"run `concordat policy impact` on the revision first",
) if {
	deciding
	not seen
}

# What was seen against another policy says nothing about this one.
seen if input.impact.against == input.enforced

# What is in force already and is confirmed changes nothing.
seen if input.from == "enforced"

checks contains common.check(
	"impact_partial", "warn", "medium",
	"a tenth of the stored decisions or more could not be asked again",
	"see which ones in the report of `concordat policy impact`",
) if {
	deciding
	input.impact.replayed * 10 < input.impact.decisions * 9
}

checks contains common.check(
	"trial_missing", "warn", "medium",
	"the policy comes into force without a trial",
	"promote it to `shadow` or `canary` first, and see how it goes",
) if {
	input.to == "enforced"
	not input.trial
}

checks contains common.check(
	"trial_failed", breaking, "critical",
	"the policy gave no answer of its own to some of what it was asked",
	"see its reasons with `concordat policy show`, correct it, and publish it again",
) if {
	deciding
	input.trial.failed > 0
}

checks contains common.check(
	"glass_broken", "warn", "critical",
	"the usual proofs are passed over, until the time that was given",
	"bring the proofs, and promote the policy again in the usual way",
) if {
	input.break_glass
}

checks contains common.check(
	"glass_not_yours", "fail", "critical",
	"only an operator or an administrator may pass over the usual proofs",
	"ask one of them",
) if {
	input.break_glass
	not may_break
}

checks contains common.check(
	"glass_too_long", "fail", "critical",
	"what passes over the usual proofs holds for one day at most",
	"give a time within 24 hours",
) if {
	input.break_glass.ms > 86400000
}

checks contains common.check(
	"reason_missing", "fail", "critical",
	"whoever changes what is in force says why",
	"give a reason of some words",
) if {
	count(trim_space(input.reason)) < 4
}

may_break if "operator" in input.publisher.roles

may_break if "admin" in input.publisher.roles
