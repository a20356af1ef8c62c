//! What the engine counts since it started, for whoever watches the service. The log holds the same, and more.

use std::collections::BTreeMap;
use std::time::Duration;

use concordat_model::decision::{Decision, Gate};
use concordat_model::run::event::{Event, Reply};
use parking_lot::Mutex;

/// Figures since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Figures>);

/// Figures since the start, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Decisions, by gate and answer.
    pub decisions: BTreeMap<(Gate, &'static str), u64>,
    /// Contracts that came to their end, by status word.
    pub ended: BTreeMap<&'static str, u64>,
    /// Answers from agents, by what they were.
    pub answers: BTreeMap<&'static str, u64>,
    /// How long agents took in all.
    pub answering: Duration,
    /// Changes of trust.
    pub trust_changes: u64,
}

impl Counts {
    pub(crate) fn figures(&self) -> Figures {
        self.0.lock().clone()
    }

    /// Counts a decision that is about no run.
    pub(crate) fn decision(&self, decision: &Decision) {
        let key = (decision.gate, decision.answer.as_str());
        *self.0.lock().decisions.entry(key).or_default() += 1;
    }

    /// Counts what happened in one turn of a run that has this status after it.
    pub(crate) fn turn(&self, events: &[Event], status: &'static str, trust_changes: usize) {
        let mut figures = self.0.lock();
        figures.trust_changes += trust_changes as u64;
        for event in events {
            match event {
                Event::Decided { decision, .. } => {
                    *figures.decisions.entry((decision.gate, decision.answer.as_str())).or_default() += 1;
                }
                Event::Answered { reply, latency_ms, .. } => {
                    *figures.answers.entry(word(reply)).or_default() += 1;
                    figures.answering += Duration::from_millis(*latency_ms);
                }
                Event::Ended { .. } => *figures.ended.entry(status).or_default() += 1,
                _ => {}
            }
        }
    }
}

fn word(reply: &Reply) -> &'static str {
    match reply {
        Reply::Output { misfits, .. } if misfits.is_empty() => "output",
        Reply::Output { .. } => "misfit",
        Reply::Failure { .. } => "failure",
        Reply::Unknown { .. } => "unknown",
        Reply::Interrupted => "interrupted",
    }
}
