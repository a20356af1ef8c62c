# What cannot be done twice is done when people are there.
#
# Who wants it: whoever wants somebody at hand when a payment or a shipment goes wrong.
# What changes: an unsafe step outside of working hours asks for review with `outside_hours`; it is free again
# in the morning.
# Where it looks: `now` of the input, the only clock that a policy has, and `step.effect`. Undoing waits for
# nobody.
#
# Switch it on with one line in package concordat.dispatch:
#
#	checks contains found if some found in data.concordat.cookbook.time_window.checks
package concordat.cookbook.time_window

import data.concordat.common

zone := "Europe/Berlin"

days := {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}

from := 8

until := 18

checks contains common.check(
	"outside_hours", "fail", "high",
	"a step that does harm when done twice is due while nobody is at work",
	"wait for working hours, or let a reviewer allow it",
) if {
	input.step.effect == "unsafe"
	input.step.leg != "undo"
	not open
}

open if {
	now := time.parse_rfc3339_ns(input.now)
	time.weekday([now, zone]) in days
	hour := time.clock([now, zone])[0]
	hour >= from
	hour < until
}
