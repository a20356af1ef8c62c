# What an agent said does not by itself move anything that matters.
#
# Who wants it: whoever fears that one agent's answer, or what it has read, steers what another one does.
# What changes: a step of high or critical risk that changes something and is fed by agents' outputs asks for
# review with `tainted_input`; the standard policy asks only where the risk is critical and the step unsafe.
# Where it looks: `step.tainted`, the steps whose outputs feed this one. Undoing waits for nobody.
#
# Switch it on with one line in package concordat.dispatch:
#
#	checks contains found if some found in data.concordat.cookbook.tainted_input.checks
package concordat.cookbook.tainted_input

import data.concordat.common

# Steps whose outputs may be trusted, such as those of a person's form.
trusted := {"intake"}

tainted contains step if {
	some step in input.step.tainted
	not step in trusted
}

checks contains common.check(
	"tainted_input", "fail", "high",
	"what an agent answered decides a step that changes something",
	"let a reviewer look at what the step is given, or give it only what the contract's input says",
) if {
	input.contract.governance.risk in {"high", "critical"}
	input.step.effect != "none"
	input.step.leg != "undo"
	tainted != set()
}
