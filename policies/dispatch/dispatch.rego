# Which agents may do this step?
#
# Policy names the set, and the way in which Concordat chooses inside it by what it has seen the agents do. No rule here,
# and nothing in the input, lets an agent say that it should be preferred.
package concordat.dispatch

import data.concordat.common
import data.concordat.meanings

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

# Only a permit names agents that may do the work; every answer says why the others may not.
decision := object.union(judged, {
	"permitted": permitted,
	"strategy": strategy,
	"regions": regions,
	"excluded": excluded,
	"why": why(excluded),
}) if {
	judged.answer == "permit"
} else := object.union(judged, {"excluded": against, "why": why(against)})

judged := common.judge(checks, approved)

default approved := false

approved if common.approved(input.review, input.step.params, input.submitter.name)

# The least trust, in basis points, that a risk asks for. At 0 an agent without any proof may work: probation.
least_trust := {"low": 0, "medium": 5000, "high": 7000, "critical": 8000}

# Agents that are little known get a chance to become known, but not where most is at stake.
default strategy := "explore"

strategy := "best" if input.contract.governance.risk == "critical"

# The regions that the contract's `region:` tags name. Where every agent that may do the work has an instance in one of
# them, it goes to such an instance; `cookbook/geography.rego` keeps agents without one away.
default regions := []

regions := [region | some region in named_regions] if {
	named_regions != set()
	{id | some id in permitted} - at_home == set()
}

at_home contains id if {
	some candidate in input.candidates
	some region in object.get(candidate, "regions", [])
	region in named_regions
	id := candidate.id
}

named_regions contains region if {
	some tag in input.contract.governance.compliance
	startswith(tag, "region:")
	region := substring(tag, 7, -1)
}

# Undoing must never wait for trust, money or time: what was done stands until it is undone.
undoing if input.step.leg == "undo"

# Regimes and classes matter where the data is about people.
personal contains class if {
	some class in input.contract.governance.dataClasses
	class in {"pii", "health"}
}

# Why each candidate may not do the step, as codes; `meaning` says what they mean. What is the same for all of them
# is asked before the loop.

rejected[id] contains "agent_suspended" if {
	some candidate in input.candidates
	not candidate.standing in {"probation", "eligible"}
	id := candidate.id
}

# Who is on probation shows itself where little is at stake and everything can be undone.
rejected[id] contains "on_probation" if {
	not undoing
	not harmless
	some candidate in input.candidates
	candidate.standing == "probation"
	id := candidate.id
}

harmless if {
	input.contract.governance.risk == "low"
	input.contract.governance.reversible
}

# It was tried, and did not do what it says. What was never tried may work; `cookbook/proven_skills.rego` asks for more.
rejected[id] contains "skill_false" if {
	some candidate in input.candidates
	candidate.verified == false
	id := candidate.id
}

rejected[id] contains "domain_foreign" if {
	some candidate in input.candidates
	not input.contract.domain in candidate.domains
	id := candidate.id
}

rejected[id] contains lacking(candidate) if {
	not undoing
	least := least_trust[input.contract.governance.risk]
	some candidate in input.candidates
	candidate.trust.lower_bound < least
	id := candidate.id
}

# Lost is worse than nothing: it failed so much that clearly less is expected of it at this risk than of an agent of
# which nothing was seen, which is 3333. What it failed in this very step is for the contract's retries to say.
lacking(candidate) := "trust_lost" if {
	candidate.trust.mean < 3000
	not candidate.failed_before
} else := "trust_low"

rejected[id] contains "compliance_missing" if {
	personal != set()
	some regime in input.contract.governance.compliance
	some candidate in input.candidates
	not regime in candidate.compliance
	not in_region(candidate, regime)
	id := candidate.id
}

# A `region:` tag is no regime: where an agent works is known of its instances.
in_region(candidate, tag) if {
	some region in object.get(candidate, "regions", [])
	tag == concat(":", ["region", region])
}

rejected[id] contains "data_class_missing" if {
	some class in personal
	some candidate in input.candidates
	not class in candidate.data_classes
	id := candidate.id
}

rejected[id] contains "cost_over_budget" if {
	not undoing
	left := input.contract.budget_cost_left
	some candidate in input.candidates
	not affordable(candidate, left)
	id := candidate.id
}

affordable(candidate, _) if not candidate.cost

affordable(candidate, left) if {
	candidate.cost.currency == left.currency
	candidate.cost.micros <= left.micros
}

rejected[id] contains "agent_busy" if {
	some candidate in input.candidates
	candidate.in_flight >= candidate.concurrency
	id := candidate.id
}

rejected[id] contains "breaker_open" if {
	some candidate in input.candidates
	candidate.breaker == "open"
	id := candidate.id
}

rejected[id] contains "rate_limited" if {
	some candidate in input.candidates
	candidate.rate_left == 0
	id := candidate.id
}

# Retries must not become the load that keeps an agent down; undoing must not wait for that.
rejected[id] contains "retry_budget" if {
	input.step.retry
	not undoing
	some candidate in input.candidates
	candidate.retries_left == 0
	id := candidate.id
}

# Reasons that pass by themselves: an agent against which nothing else stands is worth waiting for.
passing := {"agent_busy", "breaker_open", "rate_limited", "retry_budget"}

# The same, and an empty object when there is nothing against anybody.
against := {id: codes | some id, codes in rejected}

# Who may do the step.

fit := [candidate |
	refused := against
	some candidate in input.candidates
	not refused[candidate.id]
]

fresh := [candidate.id |
	some candidate in fit
	not candidate.failed_before
]

# Where somebody has proved himself, those who have not get a small part of a domain's low-risk work: enough to become
# known by, and only what can be undone. A domain's first tries are free, because eight agents need some forty to become
# known (`concordat adapt bench`); it looks wider while it does worse than it used to.
free_trials := 40

default trial_share := 500

trial_share := 3000 if input.trials.shaken

proven := [id |
	not undoing
	not trying
	some candidate in fit
	not candidate.trust.unproven
	not candidate.failed_before
	id := candidate.id
]

trying if {
	harmless
	not input.trials.count >= free_trials
}

trying if {
	harmless
	input.trials.share <= trial_share
}

# An agent that failed this very step is asked again only when there is nobody else. Where people have approved the
# work although nobody is trusted enough, they let those try who lack nothing but proof: not those who proved the contrary.
permitted := proven if {
	proven != []
} else := fresh if {
	fresh != []
} else := [candidate.id | some candidate in fit] if {
	fit != []
} else := unproven

excluded := {id: codes |
	allowed := permitted
	refused := against
	some candidate in input.candidates
	id := candidate.id
	not id in allowed
	codes := object.get(refused, id, [passed_over(candidate)])
}

passed_over(candidate) := "failed_before" if {
	candidate.failed_before
} else := "trials_spent"

unproven := [id |
	some id, codes in against
	codes == {"trust_low"}
]

waiting := {id: codes |
	some id, codes in against
	codes - passing == set()
}

# Some of them have enough to do, which passes as soon as a call comes back.
soon if {
	some codes in waiting
	codes - {"agent_busy", "rate_limited"} == set()
}

# What stands against the step as a whole.

checks contains common.check(
	"no_candidate", "fail", "critical",
	"no agent offers the skill",
	"register an agent with this skill",
) if {
	input.candidates == []
}

checks contains for_the_moment if {
	fit == []
	waiting != {}
}

for_the_moment := common.check(
	"agent_busy", "fail", "critical",
	"every agent that may do this is at its limit",
	"try again in a moment, or raise an agent's limit",
) if {
	soon
} else := common.check(
	"retry_budget", "fail", "critical",
	"too many tries failed: no agent that may do this is sent another retry for now",
	"see what is wrong with the agents, and submit the contract again when they are well",
) if {
	some codes in waiting
	codes == {"retry_budget"}
} else := common.check(
	"breaker_open", "fail", "critical",
	"every agent that may do this kept failing and is left alone for a while",
	"see what is wrong with the agents, or register another one",
)

checks contains common.check(
	"trust_unproven", "fail", "high",
	"no agent has yet proven the trust that this risk asks for",
	"let agents earn it with low-risk contracts, or let a reviewer allow one of them to try",
) if {
	lacks_only_trust
	input.contract.governance.risk in {"medium", "high"}
}

checks contains common.check(
	"no_agent_permitted", "fail", "critical",
	"none of the agents that offer the skill may do this",
	"see the reasons given for each agent",
) if {
	fit == []
	input.candidates != []
	waiting == {}
	not lacks_only_trust
}

checks contains common.check(
	"trust_insufficient", "fail", "critical",
	"no agent has proven the trust that critical work asks for",
	"let agents earn it with contracts of lower risk",
) if {
	lacks_only_trust
	input.contract.governance.risk == "critical"
}

lacks_only_trust if {
	fit == []
	waiting == {}
	unproven != []
}

checks contains common.check(
	"probation", "warn", "low",
	"an agent without proof may do this, because little is at stake",
	"nothing needs to be done: this is how agents earn trust",
) if {
	input.contract.governance.risk == "low"
	not undoing
	some candidate in fit
	candidate.trust.lower_bound < least_trust.medium
}

checks contains common.check(
	"budget_calls_spent", unless_undoing, "critical",
	"the contract has made all the calls that its budget allows",
	"submit the contract again with a higher `budget.calls`",
) if {
	input.contract.budget_calls_left == 0
}

checks contains common.check(
	"deadline_passed", unless_undoing, "critical",
	"the contract's deadline has passed",
	"submit the contract again with a later `deadline`",
) if {
	input.contract.deadline_ms_left <= 0
}

default unless_undoing := "fail"

unless_undoing := "warn" if undoing

# What an agent said must not by itself decide what is done for good where more is at stake than can be made good.
checks contains common.check(
	"tainted_parameter", "fail", "high",
	"what an agent answered decides a critical step that does harm when done twice",
	"let a reviewer look at what the step is given, or give it only what the contract's input says",
) if {
	input.contract.governance.risk == "critical"
	input.step.effect == "unsafe"
	not undoing
	input.step.tainted != []
}

why(given) := {code: meaning(code) |
	some codes in given
	some code in codes
}

# What a policy of the cookbook excludes agents with, where one is switched on.
meaning(code) := meanings.cookbook[code]

meaning("agent_suspended") := {
	"message": "the agent is not approved, suspended, quarantined or retired",
	"fix": "ask a registry administrator how it stands, and whether that can be changed",
}

meaning("on_probation") := {
	"message": "the agent is on probation, and more is at stake than it may try itself at",
	"fix": "ask a registry administrator to approve it",
}

meaning("skill_false") := {
	"message": "the agent was tried at this skill and did not do what it says",
	"fix": "see what was wrong with `concordat agent get`, and try it again with `concordat agent probe`",
}

meaning("domain_foreign") := {
	"message": "the agent is not registered for the contract's field of work",
	"fix": "register it for the domain, if its owner answers for that",
}

meaning("trust_low") := {
	"message": "the agent has not proven the trust that this risk asks for",
	"fix": "let it earn trust with contracts of lower risk",
}

meaning("trust_lost") := {
	"message": "the agent failed so often that less is expected of it than of an unknown one",
	"fix": "let it earn trust with contracts of lower risk",
}

meaning("compliance_missing") := {
	"message": "the agent was not assessed against every regime that the contract falls under",
	"fix": "assess it, and register it with the regimes",
}

meaning("data_class_missing") := {
	"message": "the agent may not be given this class of personal data",
	"fix": "register it for the class, if its owner answers for that",
}

meaning("cost_over_budget") := {
	"message": "the agent costs more than the budget has left, or is paid in another currency",
	"fix": "raise `budget.cost`, or register a cheaper agent",
}

meaning("agent_busy") := {
	"message": "the agent is at its limit",
	"fix": "try again in a moment, or raise its limit",
}

meaning("breaker_open") := {
	"message": "the agent kept failing at this skill and is left alone for a while",
	"fix": "nothing needs to be done: it is tried again in half a minute",
}

meaning("rate_limited") := {
	"message": "the agent got as many calls as it takes in this length of time, or asked to be left alone",
	"fix": "try again in a moment, or raise its rate",
}

meaning("retry_budget") := {
	"message": "too many tries failed lately, so that the agent is sent no other retry for now",
	"fix": "nothing needs to be done: it is sent retries again within a minute",
}

meaning("trials_spent") := {
	"message": "the agent has yet to prove itself, those like it had their part of the domain's work, and others can do it",
	"fix": "nothing needs to be done: it gets its part again, and more once it has proved itself",
}

meaning("failed_before") := {
	"message": "the agent failed an earlier try of this step, and others can do it",
	"fix": "nothing needs to be done: it is asked again when the others have failed too",
}
