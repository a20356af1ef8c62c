//! What an agent says it can do, and the examples by which it can be tried.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::SkillName;
use crate::problem::Problem;
use crate::schema::Schema;

/// One thing an agent says it can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Skill {
    /// The skill, and the method it is called by.
    pub name: SkillName,
    /// Which version of it the agent has, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The JSON Schema (2020-12) of what it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The JSON Schema of what it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// An input that the skill can be tried with: the short form of `examples` with one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
    /// What the skill can be tried with. A try goes through all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// Something that a skill can be tried with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the agent is given.
    pub input: Value,
    /// What the agent answers then, exactly; without it, whatever fits the skill's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// The most examples of one skill: each is a call.
pub const MOST_EXAMPLES: usize = 20;
/// The longest name of an example, in characters.
const LONGEST_NAME: usize = 100;

impl Skill {
    /// A skill of which nothing is known but its name.
    #[must_use]
    pub fn named(name: SkillName) -> Skill {
        Skill { name, version: None, input: None, output: None, example: None, examples: Vec::new() }
    }

    /// Whether there is anything to try it with.
    #[must_use]
    pub fn can_be_tried(&self) -> bool {
        self.example.is_some() || !self.examples.is_empty()
    }

    /// Everything that it can be tried with.
    #[must_use]
    pub fn tries(&self) -> Vec<Example> {
        let single = self.example.clone().map(|input| Example { name: None, input, output: None });
        single.into_iter().chain(self.examples.iter().cloned()).collect()
    }

    /// What is wrong with it, at this pointer.
    pub(super) fn problems(&self, at: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut compiled = |member: &str, schema: &Option<Value>| match schema.as_ref().map(Schema::compile) {
            Some(Err(error)) => {
                found.push(Problem::new("schema-invalid", format!("{at}/{member}"), error.to_string()));
                None
            }
            other => other.and_then(Result::ok),
        };
        let (input, output) = (compiled("input", &self.input), compiled("output", &self.output));
        let mut wrong = |place: String, message: String| {
            found.push(Problem::new("agent-example", format!("{at}/{place}"), message));
        };
        if self.example.is_some() && !self.examples.is_empty() {
            wrong("example".to_owned(), "a skill has `example` or `examples`, not both".to_owned());
        }
        if self.examples.len() > MOST_EXAMPLES {
            let message =
                format!("a skill has at most {MOST_EXAMPLES} examples, not {}", self.examples.len());
            wrong("examples".to_owned(), message);
        }
        for (nth, example) in self.examples.iter().enumerate().take(MOST_EXAMPLES) {
            if example.name.as_ref().is_some_and(|name| !(1..=LONGEST_NAME).contains(&name.chars().count())) {
                let message = format!("the name of an example has 1 to {LONGEST_NAME} characters");
                wrong(format!("examples/{nth}/name"), message);
            }
            let sides =
                [("input", &input, Some(&example.input)), ("output", &output, example.output.as_ref())];
            for (member, schema, value) in sides {
                let (Some(schema), Some(value)) = (schema, value) else { continue };
                if let Some(misfit) = schema.misfits(value).into_iter().next() {
                    let message = format!("it does not fit the skill's own `{member}` schema: {misfit}");
                    wrong(format!("examples/{nth}/{member}"), message);
                }
            }
        }
        found
    }
}
