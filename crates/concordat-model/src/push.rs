//! Webhooks of contracts: who is told, and where, when a contract comes to stand otherwise.
//!
//! The log says that there is one, whose it is and to which host it goes; the address and what it is recognised by are
//! sealed in the safe. It ends with its contract.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{DecisionId, KeyId, RunId};
use crate::principal::Principal;

/// What happens to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum PushEvent {
    /// Somebody wants to be told.
    Set {
        /// Of which contract.
        run: RunId,
        /// What they call the webhook, one of several of a contract.
        name: String,
        /// In whose name it is told: what they may not see any more, it is not told.
        owner: Principal,
        /// The key with which they asked for it.
        key: KeyId,
        /// Scheme, host and port that it goes to.
        origin: String,
        /// The digest of the sealed address and what we are recognised by there.
        content: Digest,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// Nobody is told any more.
    Ended {
        /// Why.
        why: PushEnd,
    },
}

/// Why a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushEnd {
    /// It was told how the contract ended.
    Told,
    /// Whoever set it took it back.
    Removed,
    /// Another one of the same name took its place.
    Replaced,
    /// It did not take what it was told, however often.
    Unreachable,
    /// It said that it is gone.
    Gone,
    /// Whoever set it may not see the contract any more, or there is nothing left to see.
    Closed,
}

impl PushEvent {
    /// The types of records of webhooks.
    pub const TYPES: [&str; 2] = ["push.set", "push.ended"];

    /// The type of its record.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            PushEvent::Set { .. } => "push.set",
            PushEvent::Ended { .. } => "push.ended",
        }
    }
}
