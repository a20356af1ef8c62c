# What holds for every question to the promote gate. `concordat policy prove` searches for an input that breaks one.
package concordat.promote_invariants

import data.concordat.promote

answer := promote.decision

brought contains publisher if {
	publisher := input.publisher
	answer.answer == "permit"
	input.to in {"canary", "enforced"}
}

invariant_nobody_brings_their_own_policy_into_force if {
	every publisher in {publisher | some publisher in brought; not input.break_glass} {
		publisher.name != object.get(input.revision, "author", "")
	}
}

invariant_what_comes_into_force_was_tested_and_seen if {
	every publisher in {publisher | some publisher in brought; not input.break_glass} {
		publisher.name != ""
		input.revision.tests > 0
		looked_at
	}
}

looked_at if input.impact.against == input.enforced

looked_at if input.from == "enforced"

invariant_only_keepers_of_the_house_break_the_glass_and_not_for_long if {
	every publisher in {publisher | some publisher in brought; input.break_glass} {
		some role in publisher.roles
		role in {"operator", "admin"}
		input.break_glass.ms <= 86400000
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
