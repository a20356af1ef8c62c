# May this result be used?
package concordat.release

import data.concordat.common

default decision := {"answer": "deny", "reasons": [{
	"code": "undecided",
	"message": "no rule decides this",
	"fix": "ask the policy author to decide it",
}]}

decision := common.judge(checks, approved)

default approved := false

approved if common.approved(input.review, input.output.digest, input.submitter.name)

checks contains common.check(
	"output_misfit", "fail", "critical",
	"the result does not have the form that was asked for",
	"try another agent, or correct the form",
) if {
	input.output.misfits > 0
}

checks contains common.check(
	"agent_suspended", "fail", "critical",
	"the agent was suspended, quarantined or retired before its result could be used",
	"let another agent do the step",
) if {
	not input.agent.standing in {"probation", "eligible"}
}

# Nothing was checked because the contract says no form. Where little can go wrong, that is the contract's choice.
checks contains common.check(
	"output_unchecked", result, "high",
	"no form was asked for, so nothing about the result was checked",
	"give the step an `output` schema, or let a reviewer look at the result",
) if {
	not input.output.schema_checked
	result := {"high": "warn", "critical": "fail"}[input.contract.governance.risk]
}
