# Nobody brings their own agent, or their own change of one, into use.
#
# Who wants it: an organisation where agents are looked at by a second person.
# What changes: a registration waits as proposed, and a change of one waits beside what is in force, until somebody
# else approves it (`concordat agent approve`); the author's own approval is answered with review as well.
# Where it looks: `author` and `by`.
#
# Switch it on with one line in package concordat.enroll:
#
#	checks contains found if some found in data.concordat.cookbook.four_eyes_on_agents.checks
package concordat.cookbook.four_eyes_on_agents

import data.concordat.common

checks contains common.check(
	"four_eyes", "fail", "high",
	"who registers or changes an agent does not bring it into use",
	"ask another registry administrator to look at it and to approve it",
) if {
	input.change in {"register", "revise", "place"}
	input.to in {"probation", "eligible"}
	input.from != "suspended"
	input.author == input.by.name
}

# Nothing stands before a registration.
checks contains common.check(
	"four_eyes", "fail", "high",
	"who registers or changes an agent does not bring it into use",
	"ask another registry administrator to look at it and to approve it",
) if {
	input.change == "register"
	input.author == input.by.name
}
