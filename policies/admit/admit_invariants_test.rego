# What holds for every question to the admit gate. `concordat policy prove` searches for an input that breaks one.
package concordat.admit_invariants

import data.concordat.admit

answer := admit.decision

# The contract, when it is admitted.
admitted contains input.contract if answer.answer == "permit"

approved if {
	input.review.payload == input.contract.digest
	input.review.by != input.submitter.name
	some role in input.review.roles
	role in {"reviewer", "admin"}
}

# The contract, when it is admitted and nobody looked at it.
unseen contains contract if {
	some contract in admitted
	not approved
}

verdict := input.classification.verdict

invariant_work_of_no_known_kind_is_not_admitted if {
	every contract in {contract | some contract in admitted; verdict.kind == "abstained"} {
		contract.declared != ""
		approved
	}
}

invariant_doubt_is_for_people if {
	every contract in {contract | some contract in unseen; verdict.confidence < 6000} {
		verdict.confidence >= 4000
		contract.declared == verdict.domain
		contract.governance.risk in {"low", "medium"}
	}
}

invariant_what_is_declared_is_what_it_is if {
	every contract in {contract | some contract in unseen; contract.declared} {
		contract.declared == verdict.domain
	}
}

invariant_somebody_can_do_every_step if {
	every contract in admitted {
		every skill in {step.skill | some step in contract.steps} {
			input.skills[skill].registered > 0
			input.skills[skill].eligible > 0
		}
	}
}

invariant_what_cannot_be_made_good_is_looked_at if {
	every contract in {contract | some contract in unseen; contract.governance.risk == "critical"} {
		contract.governance.reversible
		every step in contract.steps {
			safe(step)
		}
	}
}

safe(step) if step.effect != "unsafe"

safe(step) if step.compensated

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

worthless contains input.review if not approved

# Whatever is in it: an approval of something else, by oneself, or by somebody who may not approve.
invariant_an_approval_that_is_none_changes_nothing if {
	every review in worthless {
		review.id != ""
		other := admit.decision with input as json.remove(input, ["review"])
		other == answer
	}
}
