# What holds for every question to the dispatch gate. `concordat policy prove` searches for an input that breaks one.
package concordat.dispatch_invariants

import data.concordat.dispatch

answer := dispatch.decision

# Everything that was permitted, as the gate was told of it.
permitted contains candidate if {
	answer.answer == "permit"
	some candidate in input.candidates
	candidate.id in answer.permitted
}

undoing if input.step.leg == "undo"

risk := input.contract.governance.risk

# People who may, and who did not ask for the work, have approved exactly these parameters.
approved if {
	input.review.payload == input.step.params
	input.review.by != input.submitter.name
	some role in input.review.roles
	role in {"reviewer", "admin"}
}

without_approval contains candidate if {
	some candidate in permitted
	not undoing
	not approved
}

done contains candidate if {
	some candidate in permitted
	not undoing
}

invariant_suspended_agents_get_nothing if {
	every candidate in permitted {
		candidate.standing in {"probation", "eligible"}
		object.get(candidate, "verified", true)
	}
}

invariant_nobody_works_outside_the_domain if {
	every candidate in permitted {
		input.contract.domain in candidate.domains
	}
}

invariant_trust_clears_the_risk_unless_people_approved if {
	every candidate in without_approval {
		candidate.trust.lower_bound >= {"low": 0, "medium": 5000, "high": 7000, "critical": 8000}[risk]
	}
}

critical_work contains candidate if {
	risk == "critical"
	some candidate in done
}

invariant_critical_work_is_for_the_proven if {
	every candidate in critical_work {
		candidate.trust.lower_bound >= 8000
	}
}

# Somebody who has yet to prove himself, permitted beside somebody who has.
tries contains candidate if {
	risk == "low"
	some other in fresh
	not other.trust.unproven
	some candidate in fresh
	candidate.trust.unproven
}

fresh contains candidate if {
	some candidate in done
	not candidate.failed_before
}

invariant_only_what_can_be_undone_is_tried_out if {
	every candidate in tries {
		candidate.trust.unproven
		input.contract.governance.reversible
	}
}

many contains candidate if {
	input.trials.count >= 40
	input.trials.share > 3000
	some candidate in tries
}

invariant_trials_end if {
	every candidate in input.candidates {
		not candidate in many
	}
}

personal contains class if {
	some class in input.contract.governance.dataClasses
	class in {"pii", "health"}
}

invariant_personal_data_goes_where_it_may if {
	every class in personal {
		every candidate in permitted {
			class in candidate.data_classes
		}
	}
}

regimes contains regime if {
	personal != set()
	some regime in input.contract.governance.compliance
}

invariant_personal_data_goes_to_the_assessed if {
	every regime in regimes {
		every candidate in permitted {
			regime in candidate.compliance
		}
	}
}

paid contains candidate if {
	input.contract.budget_cost_left
	some candidate in done
	candidate.cost
}

invariant_nobody_costs_more_than_is_left if {
	every candidate in paid {
		candidate.cost.currency == input.contract.budget_cost_left.currency
		candidate.cost.micros <= input.contract.budget_cost_left.micros
	}
}

invariant_who_is_busy_or_broken_is_left_alone if {
	every candidate in permitted {
		candidate.in_flight < candidate.concurrency
		candidate.breaker != "open"
		object.get(candidate, "rate_left", 1) > 0
	}
}

late contains candidate if {
	input.contract.deadline_ms_left <= 0
	some candidate in input.candidates
	not undoing
}

invariant_nothing_is_done_after_the_deadline if {
	every candidate in late {
		not candidate in permitted
	}
}

broke contains candidate if {
	input.contract.budget_calls_left == 0
	some candidate in input.candidates
	not undoing
}

invariant_no_call_is_made_beyond_the_budget if {
	every candidate in broke {
		not candidate in permitted
	}
}

# A critical step that does harm when done twice, fed by an agent's word, at which nobody has looked.
unseen contains step if {
	risk == "critical"
	step := input.step
	step.effect == "unsafe"
	step.tainted != []
	not undoing
	not approved
}

invariant_no_agents_word_alone_decides_what_is_critical if {
	every step in unseen {
		step.id != ""
		answer.answer != "permit"
	}
}

invariant_a_permit_names_somebody if {
	every status in {status | status := answer.answer; status == "permit"} {
		status == "permit"
		permitted != set()
		{candidate.id | some candidate in permitted} == {id | some id in answer.permitted}
	}
}

others contains candidate if {
	answer.answer == "permit"
	some candidate in input.candidates
	not candidate in permitted
}

invariant_every_other_agent_is_told_why if {
	every candidate in others {
		count(answer.excluded[candidate.id]) > 0
		every code in answer.excluded[candidate.id] {
			answer.why[code].message != ""
		}
	}
}

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

# Neither what an agent is called, nor who owns it, nor where it stands in the list is a reason to prefer it.
invariant_nothing_an_agent_says_of_itself_counts if {
	every candidate in permitted {
		turned := array.reverse([object.union(one, {"name": "x", "owner": "y"}) | some one in input.candidates])
		other := dispatch.decision with input as object.union(input, {"candidates": turned})
		candidate.id in other.permitted
	}
}
