# Nobody brings their own agent, or their own change of one, into use, or sets what their own agent knows us by.
#
# Who wants it: an organisation where agents are looked at by a second person.
# What changes: a registration waits as proposed, and a change of one waits beside what is in force, until somebody
# else approves it (`concordat agent approve`); the author's own approval is answered with review as well. Credentials
# are set, rotated and removed by somebody else than the agent's author: a secret does not wait.
# Where it looks: `author` and `by`.
#
# Switch it on with one line in package concordat.enroll:
#
#	checks contains found if some found in data.concordat.cookbook.four_eyes_on_agents.checks
package concordat.cookbook.four_eyes_on_agents

import data.concordat.common

checks contains common.check(
	"four_eyes", "fail", "high",
	"who registers or changes an agent does not bring it into use, or set its credentials",
	"ask another registry administrator to look at it and to approve it, or to set its credentials",
) if {
	input.author == input.by.name
	needs_another
}

needs_another if input.change in {"register", "credentials"}

needs_another if {
	input.change in {"revise", "place"}
	input.to in {"probation", "eligible"}
	input.from != "suspended"
}
