# A result is as large as a result may be.
#
# Who wants it: whoever pays for what comes after, or whose models read results whole.
# What changes: a large result is used, and counts against the agent that gave it, as a violation of medium severity
# (`output_large`); a huge one is withheld, and the agent is in quarantine until somebody has looked (`output_huge`).
# Where it looks: `output.bytes`, the length of the result's canonical form.
#
# Switch it on with one line in package concordat.release:
#
#	checks contains found if some found in data.concordat.cookbook.output_size.checks
package concordat.cookbook.output_size

import data.concordat.common

most_bytes := {"large": 65536, "huge": 1048576}

checks contains common.violation(
	"output_large", "medium",
	"the result is larger than results may be",
	"ask for less, or let the agent answer with a reference to what is large",
) if {
	input.output.bytes > most_bytes.large
	input.output.bytes <= most_bytes.huge
}

checks contains common.violation(
	"output_huge", "critical",
	"the result is so large that it is not used",
	"ask for less, or see what is wrong with the agent",
) if {
	input.output.bytes > most_bytes.huge
}
