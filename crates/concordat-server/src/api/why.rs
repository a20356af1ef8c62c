//! A run's story on the wire: what happened and why, in words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened to a contract and why, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// How it stands, in one sentence.
    pub headline: String,
    /// What led there, in order.
    pub lines: Vec<WhyLine>,
    /// What its steps wait for now, in the order of the contract, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WhyWaiting>,
}

/// What one step waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyWaiting {
    /// The step.
    pub step: String,
    /// What it waits for, in words.
    #[serde(rename = "for")]
    pub awaited: String,
}

/// One sentence of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyLine {
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened, and why.
    pub text: String,
    /// The decision behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// Why a gate answered as it did, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionWhy {
    /// The decision.
    pub decision: String,
    /// What was asked and answered, in one sentence.
    pub headline: String,
    /// Why, one sentence each, with the way out where there is one.
    pub lines: Vec<String>,
    /// Where in the policy each reason comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Because>,
    /// What each rule of the gate's package came to, as JSON text, by the rule's name.
    pub rules: std::collections::BTreeMap<String, String>,
    /// The revision of the policy that answered.
    pub policy: String,
}

/// The place in a policy that a reason comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Because {
    /// The reason's code.
    pub code: String,
    /// The policy's file.
    pub file: String,
    /// The line of the rule, from 1.
    pub line: u32,
    /// How the rule begins.
    pub rule: String,
}

/// Whether a decision would be the same again, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionReplay {
    /// Whether it is the same.
    pub same: bool,
    /// The decision as it is stored.
    pub was: super::decisions::Decision,
    /// The decision as it was made now, with the same input and the same revision.
    pub again: super::decisions::Decision,
}
