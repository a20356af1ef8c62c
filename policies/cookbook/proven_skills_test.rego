package concordat.cookbook.proven_skills_test

import data.concordat.cookbook.proven_skills

asked(leg, candidate) := {id: codes |
	some id, codes in proven_skills.rejected with input as {
		"step": {"leg": leg},
		"candidates": [object.union({"id": "agt_1"}, candidate)],
	}
}

test_what_was_never_tried_may_not if asked("do", {}) == {"agt_1": {"skill_unproven"}}

test_what_was_tried_is_for_others_to_judge if {
	asked("do", {"verified": true}) == {}
	asked("do", {"verified": false}) == {}
}

test_undoing_does_not_wait if asked("undo", {}) == {}
