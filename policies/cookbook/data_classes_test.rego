package concordat.cookbook.data_classes_test

import data.concordat.cookbook.data_classes

asked(classes, cleared) := {id: codes |
	some id, codes in data_classes.rejected with input as {
		"contract": {"governance": {"dataClasses": classes}},
		"candidates": [{"id": "agt_1", "data_classes": cleared}],
	}
}

uncleared := {"agt_1": {"class_uncleared"}}

test_who_is_cleared_may_have_it if asked(["financial", "confidential"], ["confidential", "financial"]) == {}

test_one_class_too_few_is_too_few if {
	asked(["financial"], []) == uncleared
	asked(["financial", "confidential"], ["financial"]) == uncleared
}

test_clearance_for_something_else_is_none if asked(["confidential"], ["pii", "health"]) == uncleared

test_data_about_people_is_the_standard_policys if asked(["pii"], []) == {}

test_without_such_data_there_is_nothing_to_clear if asked([], []) == {}
