package concordat.cookbook.time_window_test

import data.concordat.cookbook.time_window

codes(now, effect, leg) := {check.policy |
	some check in time_window.checks with input as {"now": now, "step": {"effect": effect, "leg": leg}}
}

test_by_day_nothing_is_asked if {
	every now in ["2026-03-02T07:00:00Z", "2026-03-06T16:59:59Z"] {
		codes(now, "unsafe", "do") == set()
	}
}

test_by_night_and_at_the_weekend_people_are_asked if {
	every now in ["2026-03-02T06:59:59Z", "2026-03-06T17:00:00Z", "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z"] {
		codes(now, "unsafe", "do") == {"outside_hours"}
	}
}

test_summer_time_counts if {
	codes("2026-06-01T06:00:00Z", "unsafe", "do") == set()
	codes("2026-06-01T16:00:00Z", "unsafe", "do") == {"outside_hours"}
}

test_what_may_be_done_twice_is_done_at_any_time if {
	codes("2026-03-07T12:00:00Z", "idempotent", "do") == set()
	codes("2026-03-07T12:00:00Z", "none", "do") == set()
}

test_undoing_waits_for_nobody if codes("2026-03-07T12:00:00Z", "unsafe", "undo") == set()
