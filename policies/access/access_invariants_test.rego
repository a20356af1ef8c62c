# What holds for every question to the access gate. `concordat policy prove` searches for an input that breaks one.
package concordat.access_invariants

import data.concordat.access

answer := access.decision

permitted contains input.action if answer.answer == "permit"

invariant_nobody_may_do_anything_without_a_role if {
	every action in permitted {
		action != ""
		count(input.principal.roles) > 0
	}
}

invariant_nobody_answers_for_what_they_submitted if {
	every action in permitted & {"reviews.answer"} {
		action == "reviews.answer"
		input.resource.submitter != input.principal.name
	}
}

invariant_only_administrators_hand_out_keys if {
	every action in permitted & {"keys.create", "keys.revoke"} {
		action != ""
		"admin" in input.principal.roles
	}
}

invariant_what_belongs_to_others_stays_theirs if {
	every action in {action | some action in permitted; input.resource.tenant != input.principal.tenant} {
		action != ""
		input.resource.kind == "key"
		{"operator", "admin"} - {role | some role in input.principal.roles} == set()
	}
}

invariant_only_ones_own_contract_is_stopped if {
	every action in permitted & {"contracts.cancel", "contracts.pause", "contracts.extend", "contracts.kill", "contracts.retry"} {
		action != ""
		answers_for_it
	}
}

answers_for_it if input.resource.submitter == input.principal.name

answers_for_it if {
	some role in {"operator", "admin"}
	role in input.principal.roles
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
