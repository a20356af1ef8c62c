//! Triggers on the wire: what starts contracts by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The triggers of an organisation, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriggerList {
    /// The triggers.
    pub items: Vec<TriggerDetail>,
}

/// A trigger that is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriggerDetail {
    /// Its name.
    pub name: String,
    /// In whose name it starts contracts.
    pub owner: String,
    /// Since when it is in force as it is.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The next scheduled moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// What it reacted to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Reaction>,
    /// The trigger as it was written.
    #[schema(value_type = Object)]
    pub document: Value,
}

/// What a trigger reacted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// The event or the scheduled moment.
    pub occasion: String,
    /// When it reacted.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why it started no contract, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
