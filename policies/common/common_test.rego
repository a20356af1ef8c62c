package concordat.common_test

import data.concordat.common

found(result, severity) := common.check("c", result, severity, "m", "f")

test_nothing_found_permits if {
	common.judge(set(), false) == {"answer": "permit"}
}

test_severity_decides_what_a_failed_check_comes_to if {
	answers := {severity: common.judge({found("fail", severity)}, false).answer |
		some severity in ["low", "medium", "high", "critical"]
	}
	answers == {"low": "permit", "medium": "permit", "high": "review", "critical": "deny"}
}

test_a_warning_is_recorded_and_changes_nothing if {
	every severity in ["low", "medium", "high", "critical"] {
		judged := common.judge({found("warn", severity)}, false)
		judged.answer == "permit"
		count(judged.checks) == 1
	}
}

test_an_approval_covers_high_and_never_critical if {
	common.judge({found("fail", "high")}, true).answer == "permit"
	common.judge({found("fail", "critical")}, true).answer == "deny"
	common.judge({found("fail", "high"), found("fail", "critical")}, true).answer == "deny"
}

test_reasons_are_those_that_decided if {
	judged := common.judge({found("fail", "high"), common.check("d", "fail", "critical", "m", "f")}, false)
	judged.reasons == [{"code": "d", "message": "m", "fix": "f"}]
	count(judged.checks) == 2
}

test_an_approval_is_of_this_by_somebody_else_who_may if {
	review := {"payload": "p", "by": "rita", "roles": ["reviewer"]}
	common.approved(review, "p", "sam")
	not common.approved(review, "q", "sam")
	not common.approved(review, "p", "rita")
	not common.approved(object.union(review, {"roles": ["auditor"]}), "p", "sam")
}
