//! The event in the log by which trust changes: enough to explain it and to compute it again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seen, TrustKey, TrustState};
use crate::id::RunId;
use crate::work::Attempt;

/// Trust changed because something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustChanged {
    /// Trust in what.
    pub key: TrustKey,
    /// What was seen.
    pub seen: Seen,
    /// Where it was seen.
    pub cause: Cause,
    /// The state before.
    pub before: TrustState,
    /// The state after; its `since` is the hour in which it was seen.
    pub after: TrustState,
    /// By which formula the one follows from the other.
    pub formula: Formula,
}

/// The attempt in which something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The run.
    pub run: RunId,
    /// The step, leg and try.
    pub attempt: Attempt,
}

/// How trust is computed. A formula never changes: a better one gets a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Formula {
    /// Decayed Beta counts in millionths, half-life 30 days in whole hours, at most 10,000 outcomes.
    #[serde(rename = "beta/1")]
    Beta1,
}
