# May this principal do this?
package concordat.access

import data.concordat.common

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

decision := common.judge(checks, false)

checks contains common.check(
	"role_missing", "fail", "critical",
	"you were not given a role that may do this",
	sprintf("ask an administrator for a key with one of the roles that may: %s", [concat(", ", roles_that_may)]),
) if {
	not granted
}

checks contains common.check(
	"tenant_foreign", "fail", "critical",
	"this belongs to another organisation",
	"use a key of the organisation that it belongs to",
) if {
	input.resource.tenant != input.principal.tenant
	not keeps_house
}

# Who operates the installation and hands out its keys lets new organisations in.
keeps_house if {
	input.resource.kind == "key"
	"operator" in input.principal.roles
	"admin" in input.principal.roles
}

checks contains common.check(
	"tenant_unknown", "fail", "critical",
	"it is not known whose this is",
	"name the organisation that it belongs to",
) if {
	input.resource.kind in {"contract", "review", "decision", "opa", "contents"}
	input.action != "contracts.submit"
	not input.resource.tenant
}

checks contains common.check(
	"contract_of_another", "fail", "critical",
	"only who submitted a contract, an operator or an administrator may do this to it",
	"ask the submitter or an operator",
) if {
	input.action in {"contracts.cancel", "contracts.pause", "contracts.extend", "contracts.kill", "contracts.retry"}
	not stops_all
	not own
}

# Who has submitted cannot also be the second person, whatever else they may do.
checks contains common.check(
	"four_eyes", "fail", "critical",
	"a review is answered by somebody other than who submitted the contract",
	"ask another reviewer",
) if {
	input.action == "reviews.answer"
	not second_person
}

own if input.resource.submitter == input.principal.name

# Undefined, and so no second person, when nobody says who submitted.
second_person if input.resource.submitter != input.principal.name

stops_all if "operator" in input.principal.roles

stops_all if "admin" in input.principal.roles

roles_that_may contains "admin"

roles_that_may contains role if {
	some role, actions in grants
	input.action in actions
}

granted if "admin" in input.principal.roles

granted if {
	some role in input.principal.roles
	input.action in grants[role]
}

# What each role may do. An administrator may do everything.
grants.submitter := {
	"contracts.submit", "contracts.read", "contracts.cancel", "contracts.pause", "contracts.extend",
	"contracts.retry", "contracts.rate", "events.publish", "triggers.read", "triggers.write", "decisions.read",
	"templates.read", "agents.read", "opa.read",
}

grants.viewer := {
	"contracts.read", "decisions.read", "reviews.read", "templates.read", "triggers.read", "agents.read", "policy.read",
	"metrics.read",
}

grants.reviewer := {
	"reviews.read", "reviews.answer", "contracts.read", "contracts.rate", "decisions.read", "templates.read",
	"agents.read", "policy.read",
}

grants.auditor := {
	"audit.read", "audit.export", "holds.read", "holds.set", "decisions.read", "contracts.read", "reviews.read",
	"templates.read", "triggers.read", "agents.read", "keys.read", "policy.read", "metrics.read",
}

grants.registry_admin := {
	"agents.register", "agents.suspend", "agents.restore", "agents.enroll", "agents.probe", "agents.read",
	"trust.testify", "metrics.read",
}

grants.policy_author := {
	"policy.read", "policy.publish", "policy.promote", "policy.roll_back", "decisions.read", "contracts.read",
	"templates.read", "agents.read", "opa.read", "opa.write",
}

grants.operator := {
	"metrics.read", "contracts.read", "contracts.cancel", "contracts.pause", "contracts.extend", "contracts.kill",
	"contracts.retry", "events.publish", "triggers.read", "agents.read", "agents.suspend", "decisions.read",
	"policy.read", "policy.promote", "policy.roll_back",
}
