//! A run: the life of one contract, as a fold over what happened.
//!
//! [`event`] lists everything that can happen; [`state`] says what is, by folding
//! events; [`due`] says what the
//! run wants next. Nothing here asks policy, sends anything or knows the time: the engine does that, turns the
//! answers into events and commits them. Recovery, replay and audit use the same fold.
//!
//! ```text
//! received ─► (waiting) ─► (in review) ─► running ─► ended
//!                                │            │
//!                                └─► ended    └─► closing ─► (undoing) ─► ended
//! ```

pub mod backoff;
mod budget;
pub mod due;
pub mod event;
mod fold;
pub mod leg;
mod source;
pub mod state;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::agree::{Contract, Step};
use crate::digest::Digest;
use crate::id::RunId;
use crate::payload::{Salt, Secret};
use crate::step_id::StepId;

pub use event::Event;
pub use state::{IllegalMove, Phase, RunState};

/// A run in memory: its contract, its state, and the payloads that its state names by digest.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run's id.
    pub id: RunId,
    /// The contract it carries out.
    pub contract: Arc<Contract>,
    /// What is.
    pub state: RunState,
    /// How many events were folded; the next event has this number.
    pub version: u64,
    /// What its payloads are kept under; none in a log that was written before there were secrets.
    pub secret: Option<Secret>,
    payloads: HashMap<Digest, Arc<Value>>,
    bytes: u64,
}

/// The place from which what is read at the end is read: after every step.
pub const THE_END: usize = usize::MAX;
/// The most events of one run: one that has more stops with the reason. A step that goes well has five, and the largest
/// contract has 10,000 steps.
pub const MAX_EVENTS: u64 = 100_000;
/// The most bytes of payloads that one run may hold, in canonical form: one that holds more stops with the reason.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

impl Run {
    /// A run whose first event, `Received`, has just happened.
    ///
    /// # Errors
    /// Another first event.
    pub fn open(
        id: RunId,
        contract: Arc<Contract>,
        event: &Event,
        at: Timestamp,
    ) -> Result<Run, IllegalMove> {
        let state = RunState::open(&contract, event, at)?;
        Ok(Run { id, contract, state, version: 1, secret: None, payloads: HashMap::new(), bytes: 0 })
    }

    /// Folds one event.
    ///
    /// # Errors
    /// An event that cannot happen in this state; the run is unchanged then.
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), IllegalMove> {
        self.state.apply(&self.contract, event, at)?;
        self.version += 1;
        Ok(())
    }

    /// Remembers a payload of so many bytes that events name by its digest.
    pub fn keep(&mut self, digest: Digest, payload: Arc<Value>, bytes: usize) {
        if self.payloads.insert(digest, payload).is_none() {
            self.bytes = self.bytes.saturating_add(bytes as u64);
        }
    }

    /// The salt of its payloads.
    #[must_use]
    pub fn salt(&self) -> Option<Salt> {
        self.secret.as_ref().map(Secret::salt)
    }

    /// What the run has too much of, if anything.
    #[must_use]
    pub fn exceeds(&self) -> Option<String> {
        if self.version > MAX_EVENTS {
            return Some(format!("a run has at most {MAX_EVENTS} events"));
        }
        (self.bytes > MAX_BYTES)
            .then(|| format!("a run holds at most {MAX_BYTES} bytes, this one {}", self.bytes))
    }

    /// A payload by its digest.
    #[must_use]
    pub fn payload(&self, digest: &Digest) -> Option<&Arc<Value>> {
        self.payloads.get(digest)
    }

    /// The step of the contract that stands at a place of the run.
    #[must_use]
    pub fn step(&self, place: usize) -> Option<&Step> {
        self.contract.steps().get(self.state.steps().get(place)?.written)
    }

    /// What the step at a place of the run is called.
    #[must_use]
    pub fn step_id(&self, place: usize) -> Option<StepId> {
        let item = self.state.steps().get(place)?.item;
        Some(StepId { name: self.step(place)?.document.id.clone(), item })
    }

    /// The place of a step in the run.
    #[must_use]
    pub fn place(&self, step: &StepId) -> Option<usize> {
        self.state.place(&self.contract, step)
    }
}

#[cfg(test)]
mod tests;
