# What holds for every question to the enroll gate. `concordat policy prove` searches for an input that breaks one.
package concordat.enroll_invariants

import data.concordat.enroll

answer := enroll.decision

permitted contains input.agent if answer.answer == "permit"

invariant_nobody_comes_back_from_retirement if {
	every agent in permitted {
		agent.id != ""
		object.get(input, "from", "proposed") != "retired"
	}
}

brought_in contains agent if {
	some agent in permitted
	input.change == "place"
	input.to in {"probation", "eligible"}
}

invariant_who_was_found_to_claim_what_is_false_gets_no_work if {
	every agent in brought_in {
		every skill in agent.skills {
			object.get(skill, "verified", true)
		}
	}
}

tried contains agent if {
	some agent in permitted
	input.change == "probe"
}

invariant_only_examples_are_tried if {
	every agent in tried {
		some skill in agent.skills
		skill.example
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
