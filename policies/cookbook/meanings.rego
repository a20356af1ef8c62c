# What the codes mean that the cookbook's policies exclude agents with. The dispatch gate looks here for what it does
# not say itself; nothing here decides anything.
package concordat.meanings

cookbook := {
	"preferred_first": {
		"message": "an agent of the house can do this, and those come first",
		"fix": "nothing needs to be done: others are asked when the house's own are busy",
	},
	"wall_crossed": {
		"message": "the agent also works in a field that this work is kept away from",
		"fix": "register a separate agent for each side of the wall",
	},
	"capability_unproven": {
		"message": "too little was seen of the agent with this skill",
		"fix": "let it show the skill with contracts of low risk",
	},
	"class_uncleared": {
		"message": "the agent is not cleared for this class of data",
		"fix": "register it with the class, if its owner answers for that",
	},
	"trust_below_tier": {
		"message": "the agent's trust is below what this field asks for at this risk",
		"fix": "let it earn trust with contracts of lower risk",
	},
	"skill_unproven": {
		"message": "the agent was never tried at this skill",
		"fix": "register an example with the skill, and try it with `concordat agent probe`",
	},
	"region_foreign": {
		"message": "the agent has no instance in a region that this work must stay in",
		"fix": "register an agent with an instance in one of the contract's `region:` tags",
	},
}
