# May this agent come to stand so, or be tried?
#
# Where nobody asks for more, whoever may register agents makes them eligible at once, as their registration says; that
# is what the access gate is for. What an agent's card says anew waits until somebody has looked. Who wants a second
# person to look at everything switches `cookbook/four_eyes_on_agents.rego` on, and who wants skills to be shown first,
# `cookbook/proven_skills.rego`. An answer of review lets a registration, or a change of one, wait for approval.
package concordat.enroll

import data.concordat.common

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

decision := common.judge(checks, false)

# Where the agent would get work that it does not get now.
admitting if {
	input.change == "place"
	input.to in {"probation", "eligible"}
}

checks contains common.check(
	"agent_retired", "fail", "critical",
	"who is retired stays retired",
	"register another agent",
) if {
	input.from == "retired"
}

checks contains common.check(
	"probe_unfit", "fail", "critical",
	"an agent that is suspended gets nothing, not even a try",
	"restore it first, or put it in quarantine, where it can be tried",
) if {
	input.change == "probe"
	input.from == "suspended"
}

checks contains common.check(
	"probe_without_example", "fail", "critical",
	"only a skill's own example may be used to try it",
	"register an example with the skill",
) if {
	input.change == "probe"
	not exemplified
}

exemplified if {
	some skill in input.agent.skills
	skill.name == input.tried.skill
	skill.example
}

checks contains common.check(
	"skill_false", "fail", "critical",
	"one of its skills was tried and did not do what the agent says",
	"see which with `concordat agent get`; try it again with `concordat agent probe`, or register it without the skill",
) if {
	admitting
	some skill in input.agent.skills
	skill.verified == false
}

# Nobody sent this but the agent itself: whoever approves it has seen what is new.
checks contains common.check(
	"card_changed", "fail", "high",
	"the agent's card says something else than what is registered",
	"see what with `concordat agent diff`, and let it come into force with `concordat agent approve`",
) if {
	input.change == "revise"
	input.by_card
}

checks contains common.check(
	"reason_missing", "fail", "critical",
	"whoever changes how an agent stands says why",
	"give a reason",
) if {
	input.change in {"place", "revise", "credentials"}
	trim_space(input.reason) == ""
}
