//! What the engine can refuse, and what can keep it from working.

use concordat_ledger::record::RecordError;
use concordat_model::decision::Decision;
use concordat_model::digest::Digest;
use concordat_model::id::DecisionId;
use concordat_model::problem::Problems;
use concordat_model::registry::RegistryError;
use concordat_model::run::IllegalMove;
use concordat_policy::Finding;

use crate::limits::Overload;
use crate::ports::StoreError;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What was sent is wrong.
    #[error("{0}")]
    Invalid(#[from] Problems),
    /// The access gate did not permit it.
    #[error("policy does not permit this: {}", words(.0))]
    Forbidden(Box<Decision>),
    /// A policy bundle did not pass what every bundle has to pass.
    #[error("the policy is refused: {}", findings(.0))]
    PolicyRefused(Vec<Finding>),
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which id.
        id: String,
    },
    /// Nothing tells of a person or thing. Who that is stays unsaid: it may be somebody's name.
    #[error("no contract or event of your organisation tells of this subject")]
    Untold,
    /// It cannot be done in the present state.
    #[error("{0}")]
    Conflict(String),
    /// The same idempotency key came with another request.
    #[error("the idempotency key `{0}` was used for another request: choose a new one")]
    KeyReused(String),
    /// An event that cannot happen in this state.
    #[error("{0}")]
    Illegal(#[from] IllegalMove),
    /// Somebody else came between.
    #[error("you looked at the revision `{seen}`, and it is `{now}` by now: look again")]
    Stale {
        /// The revision that the caller looked at.
        seen: Digest,
        /// The revision that there is.
        now: Digest,
    },
    /// The registry refuses.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// Something could not be recorded, or it is not known whether it was. A restart is needed when the store says so.
    #[error("{}{}", if matches!(.0, StoreError::Unknown(_)) { "" } else { "nothing was changed: " }, .0)]
    Store(#[from] StoreError),
    /// Something has no canonical form, or is too large for a record.
    #[error("this cannot be recorded: {0}")]
    Unrecordable(#[from] RecordError),
    /// The log holds a record that cannot be folded.
    #[error("the log cannot be read at index {index}: {why}")]
    Log {
        /// The record's index.
        index: u64,
        /// Why not.
        why: String,
    },
    /// What something held was forgotten.
    #[error("what `{id}` held was forgotten; the record `{record}` says why")]
    Forgotten {
        /// Whose it was.
        id: String,
        /// The record that says so.
        record: String,
    },
    /// A payload that the log names is not stored.
    #[error("the log names the payload `{0}`, which is not stored")]
    PayloadMissing(Digest),
    /// A payload cannot be read.
    #[error("the payload `{digest}` cannot be read: {why}")]
    PayloadOdd {
        /// Its digest.
        digest: Digest,
        /// Why not.
        why: String,
    },
    /// There is too much to do: nothing was taken in.
    #[error("{0}")]
    Overloaded(#[from] Overload),
    /// The engine is stopping: what is with agents is awaited, and nothing new begins.
    #[error("the server is stopping and takes nothing new in: try again in a moment")]
    Draining,
    /// The engine is stopping, or stopped because the log could not be written.
    #[error("the engine takes no more work: {0}")]
    Halted(String),
}

impl EngineError {
    /// The decision behind a refusal.
    #[must_use]
    pub fn decision(&self) -> Option<DecisionId> {
        match self {
            EngineError::Forbidden(decision) => Some(decision.id),
            _ => None,
        }
    }
}

fn words(decision: &Decision) -> String {
    let reasons: Vec<&str> = decision.answer.reasons().iter().map(|reason| reason.message.as_str()).collect();
    reasons.join("; ")
}

fn findings(all: &[Finding]) -> String {
    match all.len() {
        1 => "one thing is wrong".to_owned(),
        many => format!("{many} things are wrong"),
    }
}
