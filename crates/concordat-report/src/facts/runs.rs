//! The runs that are open: what later records of a run need from its earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use concordat_model::decision::{Answer, Gate};
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::run::event::{Attempt, Cause, Event};
use jiff::Timestamp;

use crate::entry::Entry;

/// What is known of one open run.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Its first record; none when it was received before the period.
    pub(super) received: Option<(u64, Timestamp)>,
    /// The record of it that was seen first.
    pub(super) seen: u64,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) submitter: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) cause: Option<Cause>,
    /// Permits of the dispatch gate that nothing followed yet.
    pub(super) permits: BTreeMap<DecisionId, u64>,
    /// Permits of the release gate.
    pub(super) releases: BTreeSet<DecisionId>,
    /// What is with agents.
    pub(super) flying: BTreeMap<Attempt, Flying>,
    /// What a gate said no to, by gate and step.
    pub(super) denied: BTreeMap<(Gate, String), u64>,
}

/// A dispatch without an outcome yet.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) index: u64,
    pub(super) agent: AgentId,
    /// Whether the agent asked something and waits for the answer.
    pub(super) asks: bool,
}

/// Every open run, by its id.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) open: BTreeMap<String, Life>,
    /// Runs of which no record was seen before this period, and that were received before it.
    pub(super) carried: u64,
}

impl Runs {
    /// Reads a record of a run, and takes in what others are told about it. What ends with this record goes with
    /// [`close`](Runs::close).
    pub(super) fn open(&mut self, entry: &Entry<'_>) -> Option<Event> {
        if !entry.record.subject().starts_with("run_") {
            return None;
        }
        let event: Event = entry.data()?;
        let life = self.open.entry(entry.record.subject().to_owned()).or_insert_with(|| {
            self.carried += u64::from(!matches!(event, Event::Received { .. }));
            Life { seen: entry.index, ..Life::default() }
        });
        match &event {
            Event::Received { name, contract, submitter, .. } => {
                life.received = Some((entry.index, entry.at));
                life.name = name.to_string();
                life.digest = contract.to_string();
                life.submitter = Some(submitter.name.to_string());
            }
            Event::Classified { classification } => {
                life.domain = classification.domain().map(ToString::to_string);
            }
            Event::Closing { cause } => life.cause = Some(cause.clone()),
            Event::Decided { decision, .. } if matches!(decision.answer, Answer::Permit) => {
                match decision.gate {
                    Gate::Dispatch => drop(life.permits.insert(decision.id, entry.index)),
                    Gate::Release => drop(life.releases.insert(decision.id)),
                    Gate::Access | Gate::Admit | Gate::Enroll | Gate::Promote => {}
                }
            }
            Event::Dispatched { attempt, agent, .. } => {
                let flying = Flying { index: entry.index, agent: *agent, asks: false };
                life.flying.insert(attempt.clone(), flying);
            }
            Event::Asked { attempt, .. } | Event::Told { attempt, .. } => {
                if let Some(flying) = life.flying.get_mut(attempt) {
                    flying.asks = matches!(event, Event::Asked { .. });
                }
            }
            _ => {}
        }
        Some(event)
    }

    /// The run of a record.
    pub(super) fn of(&self, entry: &Entry<'_>) -> Option<&Life> {
        self.open.get(entry.record.subject())
    }

    /// Lets go of what this record ends.
    pub(super) fn close(&mut self, entry: &Entry<'_>, event: Option<&Event>) {
        let Some(event) = event else { return };
        let subject = entry.record.subject();
        let Some(life) = self.open.get_mut(subject) else { return };
        match event {
            Event::Dispatched { decision, .. }
            | Event::Recalled { decision, .. }
            | Event::Told { decision, .. } => {
                life.permits.remove(decision);
            }
            Event::Answered { attempt, .. } => drop(life.flying.remove(attempt)),
            Event::Released { decision, .. } => drop(life.releases.remove(decision)),
            Event::Decided { decision, attempt } => {
                let step = attempt.as_ref().map(|attempt| attempt.step.to_string()).unwrap_or_default();
                match decision.answer {
                    Answer::Deny { .. } => drop(life.denied.insert((decision.gate, step), entry.index)),
                    Answer::Permit => drop(life.denied.remove(&(decision.gate, step))),
                    Answer::Review { .. } => {}
                }
            }
            Event::Ended { .. } => drop(self.open.remove(subject)),
            _ => {}
        }
    }
}
