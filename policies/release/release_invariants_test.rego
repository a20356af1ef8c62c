# What holds for every question to the release gate. `concordat policy prove` searches for an input that breaks one.
package concordat.release_invariants

import data.concordat.release

answer := release.decision

released contains input.output if answer.answer == "permit"

approved if {
	input.review.payload == input.output.digest
	input.review.by != input.submitter.name
	some role in input.review.roles
	role in {"reviewer", "admin"}
}

invariant_what_does_not_fit_is_not_used if {
	every output in released {
		output.misfits == 0
	}
}

invariant_nothing_of_a_suspended_agent_is_used if {
	every output in released {
		output.bytes >= 0
		input.agent.standing in {"probation", "eligible"}
	}
}

invariant_what_is_critical_is_checked_or_looked_at if {
	every output in {output | some output in released; input.contract.governance.risk == "critical"} {
		looked_at(output)
	}
}

looked_at(output) if output.schema_checked

looked_at(_) if approved

refused contains answer if answer.answer != "permit"

invariant_a_refusal_has_a_reason_and_a_way_out if {
	every refusal in refused {
		count(refusal.reasons) > 0
		every reason in refusal.reasons {
			reason.message != ""
			reason.fix != ""
		}
	}
}
