# What checks come to. Every gate reports the checks that did not simply hold; this decides what follows.
#
# A failed critical check denies. A failed high one asks for review, unless people have approved exactly this
# already. A warning, and a failed check of low or medium severity, is recorded and changes nothing.
package concordat.common

# The answer of a gate's `decision` rule.
judge(checks, cleared) := {"answer": "permit"} if {
	checks == set()
} else := {"answer": "deny", "reasons": reasons, "checks": checks} if {
	reasons := failed(checks, "critical")
	reasons != []
} else := {"answer": "review", "reasons": reasons, "checks": checks} if {
	not cleared
	reasons := failed(checks, "high")
	reasons != []
} else := {"answer": "permit", "checks": checks}

# The reasons that failed checks of one severity give.
failed(checks, severity) := [reason |
	some found in checks
	found.result == "fail"
	found.severity == severity
	reason := {"code": found.policy, "message": found.message, "fix": found.fix}
]

# A review is evidence when it approves exactly this payload, and when somebody answered it who may and who did
# not submit the contract.
approved(review, payload, submitter) if {
	review.payload == payload
	review.by != submitter
	some role in review.roles
	role in {"reviewer", "admin"}
}

# A check that failed because the agent broke a rule. Only the release gate may say so: it counts against the agent, for
# the more the severer it is, and a critical one puts it in quarantine until somebody has looked at it.
violation(policy, severity, message, fix) := object.union(
	check(policy, "fail", severity, message, fix),
	{"violation": true},
)

# A check that did not hold, or that holds and should be known.
check(policy, result, severity, message, fix) := {
	"policy": policy,
	"result": result,
	"severity": severity,
	"message": message,
	"fix": fix,
}
