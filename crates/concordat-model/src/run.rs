//! A run: the life of one contract, as a fold over what happened.
//!
//! [`event`] lists everything that can happen; [`state`] says what is, by folding events; [`due`] says what the
//! run wants next. Nothing here asks policy, sends anything or knows the time: the engine does that, turns the
//! answers into events and commits them. Recovery, replay and audit use the same fold.
//!
//! ```text
//! received ─► (waiting) ─► (in review) ─► running ─► ended
//!                                │            │
//!                                └─► ended    └─► closing ─► (undoing) ─► ended
//! ```

pub mod due;
pub mod event;
pub mod leg;
pub mod state;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::agree::Contract;
use crate::digest::Digest;
use crate::id::RunId;
use crate::reference::{Source, Sourced};
use crate::work::Leg;

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
    payloads: HashMap<Digest, Arc<Value>>,
}

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
        Ok(Run { id, contract, state, version: 1, payloads: HashMap::new() })
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

    /// Remembers a payload that events name by its digest.
    pub fn keep(&mut self, digest: Digest, payload: Arc<Value>) {
        self.payloads.insert(digest, payload);
    }

    /// A payload by its digest.
    #[must_use]
    pub fn payload(&self, digest: &Digest) -> Option<&Arc<Value>> {
        self.payloads.get(digest)
    }

    /// What stands behind a source, read from a step's place.
    #[must_use]
    pub fn source(&self, source: &Source, from: usize) -> Sourced {
        match source {
            Source::Input => Sourced::Value(self.contract.input().clone()),
            Source::Previous => from.checked_sub(1).map_or(Sourced::Missing, |step| self.output_of(step)),
            Source::Step(name) => {
                self.contract.index(name).map_or(Sourced::Missing, |step| self.output_of(step))
            }
        }
    }

    /// What a step answered, once it was released.
    #[must_use]
    pub fn output_of(&self, step: usize) -> Sourced {
        match self.state.leg(step, Leg::Do) {
            Some(leg::LegState::Done { output, .. }) => match self.payloads.get(output) {
                Some(value) => Sourced::Value(value.clone()),
                None => Sourced::Missing,
            },
            Some(leg::LegState::Skipped { .. } | leg::LegState::Failed { tolerated: true, .. }) => {
                Sourced::Skipped
            }
            _ => Sourced::Missing,
        }
    }
}

#[cfg(test)]
mod tests;
