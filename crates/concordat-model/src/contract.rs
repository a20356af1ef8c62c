//! A contract as it is written: the Kubernetes-style envelope and everything within it.
//!
//! These types are the published format: unknown members are refused, and what is left out has the default
//! that its type says. What the members mean together is checked in `agree`.

mod step;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::condition::Condition;
use crate::money::Money;
use crate::name::{ContractName, DomainName};
use crate::span::Span;

pub use step::{
    Branch, Cache, Compensation, Decomposition, EffectKind, Emission, EventName, FailureKind, NestedDocument,
    OnError, Question, Retry, SchemaDocument, StepDocument, WaitDocument,
};

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
    #[schemars(length(min = 1, max = 10000))]
    pub steps: Vec<StepDocument>,
    /// What the contract answers; without it, the output of every step that no other step needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What must hold at the end for the contract to count as fulfilled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<Condition>,
    /// The contract that is carried out instead when a step fails for good or the result is not acceptable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<NestedDocument>>,
    /// Who goes first where agents are scarce: 0 to 9, more is sooner, within one tenant.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(max = 9))]
    pub priority: Priority,
}

/// Who goes first where agents are scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8")]
pub struct Priority(u8);

impl Priority {
    /// The number, 0 to 9.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Priority {
        Priority(5)
    }
}

impl TryFrom<u8> for Priority {
    type Error = String;

    fn try_from(number: u8) -> Result<Priority, String> {
        if number <= 9 {
            Ok(Priority(number))
        } else {
            Err(format!("a priority lies between 0 and 9, not at {number}"))
        }
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> u8 {
        priority.0
    }
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
    /// Whom the work is about, such as `${input.applicant_id}`: what is stored of it is found and erased by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
