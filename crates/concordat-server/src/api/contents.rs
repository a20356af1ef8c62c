//! What contracts, events and questions hold, on the wire: forgotten, or held.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be forgotten; one of the first four is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// A contract that is over, `run_…`, with everything within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// An event, `evt_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// A question behind OPA's doors, `dec_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Everything that tells of this person or thing: what contracts name as `governance.subject`, and events as
    /// `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// On which ground, such as an article of law and the number of the request. It is recorded: name nobody in it.
    pub basis: String,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// Whose contents were forgotten: ids of contracts, events and decisions.
    pub erased: Vec<String>,
    /// How many payloads they had.
    pub payloads: u64,
    /// The records that say so.
    pub records: Vec<String>,
}

/// What is to be forgotten for its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Prune {
    /// Which contents.
    pub kind: Kind,
    /// What is over since before this moment.
    #[schema(value_type = String, format = DateTime)]
    pub before: Timestamp,
    /// Why it is forgotten sooner than after 180 days, if it is. It is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_floor: Option<String>,
}

/// Kinds of contents, each with a time of its own for which it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What contracts were given and gave, and what was asked about them.
    Contracts,
    /// What events said.
    Events,
    /// What was asked and answered behind OPA's doors.
    Decisions,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pruned {
    /// How many contracts, events or decisions were forgotten.
    pub forgotten: u64,
    /// How many payloads they had.
    pub payloads: u64,
    /// How many were kept since they are held.
    pub held: u64,
    /// How many were kept since they lie within something that is not over.
    pub open: u64,
    /// The records that say so.
    pub records: Vec<String>,
}

/// A hold that is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// The contract to be held, `run_…`; everything of the organisation when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Why. It is recorded.
    pub reason: String,
}

/// Why a hold is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseHold {
    /// Why. It is recorded.
    pub reason: String,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Its id, `hold_…`.
    pub id: String,
    /// The contract that is held, `run_…`; everything of the organisation when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What is held of an organisation, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldList {
    /// The holds.
    pub items: Vec<Hold>,
}
