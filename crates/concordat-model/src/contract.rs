//! A contract as it is written: the Kubernetes-style envelope and everything within it.
//!
//! These types are the published format: unknown members are refused, and what is left out has the default
//! that its type says. What the members mean together is checked in `agree`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::money::Money;
use crate::name::{ContractName, DomainName, SkillName, StepName};
use crate::span::Span;

/// A contract as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ContractDocument {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What the document is.
    pub kind: ContractKind,
    /// What the contract is called.
    pub metadata: Metadata,
    /// What is to be done.
    pub spec: Spec,
}

/// The version of the document format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only version.
    #[serde(rename = "concordat/v1")]
    V1,
}

/// Marks a document as a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContractKind {
    /// One contract.
    Contract,
}

/// What a contract is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The contract's name.
    pub name: ContractName,
    /// Its version, such as `1.2.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// Labels for finding it again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// What is to be done, under which rules, with what, in which steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// What the contract is for, in a sentence.
    pub objective: String,
    /// What must be done to reach it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// The domain that the submitter declares: evidence for policy, never the classification itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
    /// What governs the work.
    #[serde(default, skip_serializing_if = "Governance::is_default")]
    pub governance: Governance,
    /// What the work may use up.
    #[serde(default, skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
    /// How long the run may take, from its admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// The JSON Schema (2020-12) of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// What happens to finished steps when the contract fails.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_failure: OnFailure,
    /// Whether steps follow each other as they are written, or as their `needs` say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// The steps.
    #[schemars(length(min = 1, max = 1000))]
    pub steps: Vec<StepDocument>,
    /// What the contract answers; without it, the output of every step that no other step needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What must hold at the end for the contract to count as fulfilled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<Condition>,
}

/// What governs the work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Governance {
    /// How much harm a wrong result could do.
    pub risk: Risk,
    /// Whether everything can be undone.
    pub reversible: bool,
    /// What kinds of data the work touches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_classes: Vec<DataClass>,
    /// The regimes that the work falls under, such as `GDPR`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compliance: Vec<String>,
}

impl Governance {
    fn is_default(&self) -> bool {
        *self == Governance::default()
    }
}

/// How much harm a wrong result could do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Little.
    Low,
    /// Some; also what holds when nothing is said.
    #[default]
    Medium,
    /// Much.
    High,
    /// More than can be made good.
    Critical,
}

/// A kind of data that needs care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// Data about a person.
    Pii,
    /// Data about a person's health.
    Health,
    /// Data about money.
    Financial,
    /// What the organisation keeps to itself.
    Confidential,
}

/// What the work may use up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Budget {
    /// The most that agents may charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The most calls to agents, retries and undoing included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub calls: Option<u32>,
}

impl Budget {
    fn is_default(&self) -> bool {
        *self == Budget::default()
    }
}

/// What happens to finished steps when the contract fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They stay as they are.
    #[default]
    Fail,
    /// They are undone in reverse order of completion.
    Compensate,
}

/// Whether steps follow each other as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A step starts when what it needs is done; steps without needs start at once.
    #[default]
    Parallel,
    /// Each step needs the one written before it.
    Sequential,
}

/// One step as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepDocument {
    /// The step's name within the contract.
    pub id: StepName,
    /// The skill that is asked for.
    pub skill: SkillName,
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
