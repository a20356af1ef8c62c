//! What a run has to react to.

use std::sync::Arc;

use concordat_model::digest::Digest;
use concordat_model::id::{ReviewId, RunId};
use concordat_model::name::PrincipalName;
use concordat_model::principal::Principal;
use concordat_model::run::event::{Allotment, Attempt, Failure, Verdict};
use concordat_model::span::Span;
use concordat_policy::Asked;
use serde_json::Value;

use crate::events::Told;
use crate::limits::Slot;
use crate::ports::Arrival;

/// Something that a run has to react to.
#[derive(Debug)]
pub(crate) enum Input {
    /// Time passed, or the run was just opened or loaded.
    Woken,
    /// Something came back from an agent.
    Arrived { attempt: Attempt, arrival: Arrival, latency_ms: u64, slot: Option<Slot> },
    /// Concordat stopped while these attempts were with agents.
    Interrupted(Vec<Attempt>),
    /// A person answered a review.
    Reviewed(Reviewed),
    /// A person ordered something.
    Ordered(Ordered),
    /// The contract around this one stops.
    Around { run: RunId, at_once: bool },
    /// A run that this one depends on is over.
    DependencyEnded { run: RunId, completed: bool },
    /// An event came that may be what a step waits for.
    Heard { attempt: Attempt, told: Arc<Told> },
    /// A contract within this one is over.
    Returned(Returned),
}

impl Input {
    /// The room that a call still takes until its outcome is recorded.
    pub(crate) fn take_slot(&mut self) -> Option<Slot> {
        match self {
            Input::Arrived { slot, .. } => slot.take(),
            _ => None,
        }
    }
}

/// A person's answer on its way in.
#[derive(Debug)]
pub(crate) struct Reviewed {
    pub(crate) review: ReviewId,
    pub(crate) verdict: Verdict,
    pub(crate) by: Principal,
    pub(crate) reason: String,
    pub(crate) payload: Digest,
    pub(crate) access: Asked,
    /// What an agent that asked is to be told.
    pub(crate) answer: Option<Value>,
}

/// A person's order on its way in.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) order: Order,
    pub(crate) by: PrincipalName,
    pub(crate) reason: String,
    pub(crate) access: Asked,
}

/// What people may order a run to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing new starts; finished steps are undone where the contract says so.
    Cancel,
    /// It ends at once: nothing is waited for, nothing undone.
    Kill,
    /// Nothing new begins until it is resumed.
    Pause,
    /// It goes on.
    Resume,
    /// Its deadline is so much later.
    Extend(Span),
}

/// A contract within another one that is over.
#[derive(Debug, Clone)]
pub(crate) struct Returned {
    pub(crate) run: RunId,
    pub(crate) result: Result<Arc<Value>, Failure>,
    pub(crate) used: Allotment,
}

/// What a contract within another one is told when that one stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) run: RunId,
    pub(crate) at_once: bool,
}
