# May this contract run?
package concordat.admit

import data.concordat.common

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

decision := common.judge(checks, approved)

default approved := false

approved if common.approved(input.review, input.contract.digest, input.submitter.name)

# Confidence in basis points below which people look, unless the submitter's own word agrees and little is at stake.
sure := 6000

nearly_sure := 4000

checks contains common.check(
	"domain_unknown", "fail", "critical",
	"neither the text nor its author says which field of work this belongs to",
	"declare a domain, or say in the objective what is to be done",
) if {
	input.classification.verdict.kind == "abstained"
	not input.contract.declared
}

checks contains common.check(
	"domain_unconfirmed", "fail", "high",
	"the text does not show which field of work this belongs to; only the declared domain says so",
	"let a reviewer confirm the declared domain, or say more clearly what is to be done",
) if {
	input.classification.verdict.kind == "abstained"
	input.contract.declared
}

checks contains common.check(
	"domain_mismatch", "fail", "high",
	"the declared domain is not the one that the text belongs to",
	"correct the declared domain, or let a reviewer confirm the classified one",
) if {
	input.contract.declared != input.classification.verdict.domain
}

checks contains common.check(
	"confidence_low", result, "high",
	"it is not certain which field of work this belongs to",
	"say more clearly what is to be done, or let a reviewer confirm the domain",
) if {
	input.classification.verdict.confidence < sure
	result := doubt
}

default doubt := "fail"

doubt := "warn" if {
	input.classification.verdict.confidence >= nearly_sure
	input.contract.declared == input.classification.verdict.domain
	input.contract.governance.risk in {"low", "medium"}
}

checks contains common.check(
	"skill_missing", "fail", "critical",
	concat("", ["no agent offers the skill `", skill, "`"]),
	"register an agent with this skill, or ask for another skill",
) if {
	some skill in unoffered
}

unoffered contains skill if {
	some skill, supply in input.skills
	supply.registered == 0
}

unoffered contains skill if {
	some step in input.contract.steps
	skill := step.skill
	not input.skills[skill]
}

checks contains common.check(
	"skill_unavailable", "fail", "critical",
	concat("", ["agents offer the skill `", skill, "`, but none that may work in this domain gets work now"]),
	"register an agent for this domain, or restore a suspended one",
) if {
	some skill, supply in input.skills
	supply.eligible == 0
	supply.registered > 0
}

checks contains common.check(
	"critical_irreversible", "fail", "high",
	"a wrong result could do more harm than can be made good, and not everything can be undone",
	"let a reviewer approve the contract, or say for every unsafe step how it is undone",
) if {
	input.contract.governance.risk == "critical"
	not undoable
}

# What a contract says of itself is not enough: a step that does harm when done twice must say how it is undone.
undoable if {
	input.contract.governance.reversible
	lasting == []
}

lasting := [step.id |
	some step in input.contract.steps
	step.effect == "unsafe"
	not step.compensated
]

checks contains common.check(
	"undo_missing", "warn", "medium",
	"the contract is to be undone when it fails, and an unsafe step does not say how",
	"add `compensate` to the step",
) if {
	input.contract.on_failure == "compensate"
	lasting != []
}

checks contains common.check(
	"budget_tight", "warn", "medium",
	"the contract asks for more calls than its budget has",
	"raise `budget.calls`, unless conditions skip the rest",
) if {
	input.contract.budget.calls < count([step | some step in input.contract.steps; step.skill])
}

checks contains common.check(
	"compliance_unnamed", "warn", "medium",
	"personal or health data is handled, and no regime is named that agents must be assessed against",
	"name the regimes in `governance.compliance`",
) if {
	some class in input.contract.governance.dataClasses
	class in {"pii", "health"}
	not input.contract.governance.compliance
}
