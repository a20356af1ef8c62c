package concordat.cookbook.output_size_test

import data.concordat.cookbook.output_size

found(bytes) := {check.policy: check.severity |
	some check in output_size.checks with input as {"output": {"bytes": bytes}}
	check.result == "fail"
	check.violation
}

test_what_is_small_is_no_violation if found(65536) == {}

test_what_is_large_counts_and_what_is_huge_is_withheld if {
	found(65537) == {"output_large": "medium"}
	found(1048576) == {"output_large": "medium"}
	found(1048577) == {"output_huge": "critical"}
}
