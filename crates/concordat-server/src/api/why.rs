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
