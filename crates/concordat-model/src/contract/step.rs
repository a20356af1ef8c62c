//! One step as it is written: what it does, when, and what happens when it fails.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ContractDocument, is_default};
use crate::condition::Condition;
use crate::name::{SkillName, StepName};
use crate::span::Span;
use crate::template::TemplateRef;

/// One step as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepDocument {
    /// The step's name within the contract.
    pub id: StepName,
    /// The skill that an agent is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<SkillName>,
    /// Or: what people are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Question>,
    /// Or: what is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitDocument>,
    /// Or: the event that is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emit: Option<Emission>,
    /// Or: the contract that is carried out within this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Box<NestedDocument>>,
    /// Or: the branches of which exactly one is taken, the first whose condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Branch>>,
    /// The list for each of whose items the step is done; `${item}` is the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    /// How many items are worked on at a time; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_parallel: Option<u32>,
    /// How many of the items, or of the steps that this one needs, may fail.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerate: u32,
    /// An agent may answer with steps instead of a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_decompose: Option<Decomposition>,
    /// An earlier result for the same may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// The steps that come before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StepName>,
    /// The step is skipped unless this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// What the agent is given: values and references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What the agent is given must fit this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<SchemaDocument>,
    /// What the agent answers must fit this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<SchemaDocument>,
    /// What doing the step twice would do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub effect: EffectKind,
    /// When to try again, and how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What happens when the step fails for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// How the step is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<Compensation>,
}

/// A JSON Schema in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaDocument {
    /// The JSON Schema (2020-12).
    pub schema: Value,
}

/// What doing a step twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// The step changes nothing.
    None,
    /// Doing it twice with one idempotency key is doing it once.
    #[default]
    Idempotent,
    /// Doing it twice does harm: a lost answer is never asked for again by itself.
    Unsafe,
}

/// When to try again, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Retry {
    /// The most tries after the first, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub max: u32,
    /// The wait before the first retry; it doubles from there.
    #[serde(default = "Retry::default_backoff")]
    pub backoff: Span,
    /// The kinds of failure that are tried again.
    #[serde(default = "Retry::default_on")]
    pub on: Vec<FailureKind>,
}

impl Retry {
    fn default_backoff() -> Span {
        Span::seconds(1)
    }

    fn default_on() -> Vec<FailureKind> {
        vec![FailureKind::Unavailable, FailureKind::Timeout]
    }
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The agent could not be reached: nothing was sent.
    Unavailable,
    /// The answer did not come in time.
    Timeout,
    /// The agent answered that it failed.
    Failed,
    /// The agent answered something that breaks the protocol or the schema.
    Malformed,
}

/// What happens when a step fails for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The contract fails.
    Fail,
    /// The run goes on as if the step had been skipped.
    Skip,
    /// The contract fails, and finished steps are undone.
    Compensate,
    /// People decide: the step is tried again, or fails.
    Review,
}

/// What people are asked by a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Question {
    /// The question, in a sentence that is answered with yes or no.
    pub question: String,
    /// What they are shown: values and references. An approval holds for exactly this.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub show: Map<String, Value>,
    /// How long they have; without it, as long as the installation says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// What a step waits for: an event, or a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WaitDocument {
    /// The type of the event, such as `com.example.order.paid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventName>,
    /// What the event must say: members of its data by name (`order.id` looks within `order`), values or references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub correlate: Map<String, Value>,
    /// How many such events; without it, one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<u32>,
    /// How close together so many events must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// The step fails when nothing came within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Or: simply so long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
    /// Or: until this moment, an RFC 3339 time or a reference to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The event that a step publishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Emission {
    /// Its type, such as `com.example.order.paid`.
    pub event: EventName,
    /// What it is about: a text or a reference to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it says: values and references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

/// The contract that a step carries out within its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NestedDocument {
    /// A known template, as `name` or `name@version`; it is put in place of its name when the contract is agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateRef>,
    /// Or the contract itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractDocument>,
    /// Its input: values and references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
}

/// One branch of a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Branch {
    /// The branch is taken when this holds; without it, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The step that the branch leads to. It needs the choice, without saying so.
    pub then: StepName,
}

/// How far an agent may answer with steps instead of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Decomposition {
    /// How many times over: steps that come of it may be decomposed once less. 1 to 7.
    #[schemars(range(min = 1, max = 7))]
    pub depth: u8,
    /// The most steps of one answer, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub steps: u16,
}

/// How long an earlier result for the same agent revision, skill and parameters may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cache {
    /// How old it may be.
    pub ttl: Span,
}

/// The type of an event, such as `com.example.order.paid`: 1 to 200 of letters, digits, `.`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct EventName(Arc<str>);

impl EventName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventName {
    type Error = String;

    fn try_from(text: String) -> Result<EventName, String> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
        if (1..=200).contains(&text.len()) && text.bytes().all(plain) {
            Ok(EventName(text.into()))
        } else {
            Err("an event's type has 1 to 200 of letters, digits, `.`, `-` and `_`".to_owned())
        }
    }
}

impl From<EventName> for String {
    fn from(name: EventName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compensation {
    /// The skill that undoes.
    pub skill: SkillName,
    /// What it is given: values and references, the undone step's own output included.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
}
