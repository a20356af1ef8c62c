//! What a run has to react to.

use concordat_model::digest::Digest;
use concordat_model::id::{ReviewId, RunId};
use concordat_model::principal::Principal;
use concordat_model::run::event::{Attempt, Verdict};
use concordat_policy::Asked;

use crate::ports::Arrival;

/// Something that a run has to react to.
#[derive(Debug)]
pub(crate) enum Input {
    /// Time passed, or the run was just opened or loaded.
    Woken,
    /// Something came back from an agent.
    Arrived { attempt: Attempt, arrival: Arrival, latency_ms: u64 },
    /// Concordat stopped while attempts were with agents.
    Interrupted,
    /// A person answered a review.
    Reviewed(Reviewed),
    /// Somebody cancelled the run.
    Cancelled { by: Principal, reason: String, access: Asked },
    /// A run that this one depends on is over.
    DependencyEnded { run: RunId, completed: bool },
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
}
