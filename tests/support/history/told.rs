//! Every event of the log, read once, and by what the rules look for it.

use std::collections::BTreeMap;

use concordat_engine::ports::{StoredRecord, StoredRun};
use concordat_ledger::Record;
use concordat_model::agent::Standing;
use concordat_model::agree::{Contract, Step};
use concordat_model::decision::{Answer, Gate};
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::registry::AgentEvent;
use concordat_model::run::event::{Attempt, Event, Reply};
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;

use super::{Found, History, Rule};

/// The log, told by run.
pub(super) struct Told<'h> {
    pub(super) history: &'h History,
    /// Every run by its id.
    pub(super) runs: BTreeMap<RunId, Life>,
    /// Every decision by its id.
    pub(super) decisions: BTreeMap<String, Decided>,
    /// Every dispatch by the id of the decision that permits it.
    pub(super) intents: BTreeMap<String, Intent>,
    /// When each agent was suspended or restored: place in the log, and whether it may work from there on.
    pub(super) standings: BTreeMap<AgentId, Vec<(u64, bool)>>,
}

/// One run.
pub(super) struct Life {
    pub(super) id: RunId,
    /// Its events with their places in the log. Checks and exclusions are left out of its decisions.
    pub(super) events: Vec<(u64, Event)>,
    /// What it carries out, if that can be read.
    pub(super) contract: Option<Contract>,
    /// What the log has of it, to be folded.
    pub(super) stored: StoredRun,
}

/// A decision of which only the answer counts.
pub(super) struct Decided {
    pub(super) index: u64,
    pub(super) gate: Gate,
    pub(super) permits: bool,
    pub(super) policy: Digest,
    pub(super) permitted: Vec<AgentId>,
}

/// A dispatch.
pub(super) struct Intent {
    pub(super) index: u64,
    pub(super) run: RunId,
    pub(super) attempt: Attempt,
    pub(super) agent: AgentId,
    pub(super) agent_name: String,
    pub(super) skill: String,
    pub(super) params: Digest,
    /// What came of it, and where the log says so.
    pub(super) answer: Option<(u64, Reply)>,
}

impl<'h> Told<'h> {
    /// Reads every record that can be read; the others were reported before.
    pub(super) fn read(history: &'h History, found: &mut Found) -> Told<'h> {
        let mut told = Told {
            history,
            runs: BTreeMap::new(),
            decisions: BTreeMap::new(),
            intents: BTreeMap::new(),
            standings: BTreeMap::new(),
        };
        for (place, exported) in (0u64..).zip(&history.log.records) {
            let Ok(record) = Record::read(&exported.bytes) else { continue };
            if let Ok(run) = record.subject().parse::<RunId>() {
                match record.data::<Event>() {
                    Ok(event) => told.hear(place, run, record, event),
                    Err(error) => {
                        found.must(Rule::Path, false, || format!("{place} is no event of a run: {error}"));
                    }
                }
            } else if let (Ok(agent), Ok(event)) = (record.subject().parse(), record.data::<AgentEvent>()) {
                told.stand(place, agent, &event);
            }
        }
        for life in told.runs.values_mut() {
            life.provide(&history.log.payloads);
        }
        told
    }

    fn hear(&mut self, index: u64, run: RunId, record: Record, mut event: Event) {
        match &mut event {
            Event::Decided { decision, .. } => {
                decision.checks.clear();
                decision.excluded.clear();
                let decided = Decided {
                    index,
                    gate: decision.gate,
                    permits: decision.answer == Answer::Permit,
                    policy: decision.provenance.policy,
                    permitted: decision.permitted.clone(),
                };
                self.decisions.insert(decision.id.to_string(), decided);
            }
            Event::Dispatched { attempt, agent, agent_name, skill, decision, params, .. } => {
                let intent = Intent {
                    index,
                    run,
                    attempt: attempt.clone(),
                    agent: *agent,
                    agent_name: agent_name.to_string(),
                    skill: skill.to_string(),
                    params: *params,
                    answer: None,
                };
                self.intents.insert(decision.to_string(), intent);
            }
            Event::Answered { attempt, reply, .. } => {
                let asked = self.runs.get(&run).and_then(|life| life.last_decision(attempt));
                if let Some(intent) = asked.and_then(|decision| self.intents.get_mut(&decision)) {
                    intent.answer.get_or_insert((index, reply.clone()));
                }
            }
            _ => {}
        }
        let life = self.runs.entry(run).or_insert_with(|| Life::new(run));
        life.events.push((index, event));
        life.stored.records.push(StoredRecord { index, record });
    }

    fn stand(&mut self, place: u64, agent: AgentId, event: &AgentEvent) {
        let eligible = match event {
            AgentEvent::Suspended { .. } | AgentEvent::Quarantined { .. } => false,
            AgentEvent::Restored { .. } => true,
            AgentEvent::Registered { standing, .. } => standing.is_none_or(Standing::works),
            AgentEvent::Placed { to: standing, .. } | AgentEvent::Revised { standing, .. } => {
                standing.works()
            }
            AgentEvent::Proposed { .. }
            | AgentEvent::Declined { .. }
            | AgentEvent::Trying { .. }
            | AgentEvent::Probed { .. }
            | AgentEvent::CredentialsSet { .. }
            | AgentEvent::CredentialsRemoved { .. } => return,
        };
        self.standings.entry(agent).or_default().push((place, eligible));
    }
}

impl Life {
    fn new(id: RunId) -> Life {
        let stored = StoredRun { id, records: Vec::new(), payloads: Vec::new(), secret: None };
        Life { id, events: Vec::new(), contract: None, stored }
    }

    /// The decision of the latest dispatch of an attempt.
    fn last_decision(&self, wanted: &Attempt) -> Option<String> {
        self.events.iter().rev().find_map(|(_, event)| match event {
            Event::Dispatched { attempt, decision, .. } if attempt == wanted => Some(decision.to_string()),
            _ => None,
        })
    }

    fn provide(&mut self, payloads: &BTreeMap<Digest, Vec<u8>>) {
        // The input of a decision is no part of a run's state.
        let named = self.events.iter().filter(|(_, event)| !matches!(event, Event::Decided { .. }));
        let digests = named.flat_map(|(_, event)| event.payloads());
        self.stored.payloads =
            digests.filter_map(|digest| Some((digest, payloads.get(&digest)?.clone()))).collect();
        self.contract = self.events.iter().find_map(|(_, event)| match event {
            Event::Received { contract, .. } => Contract::stored(payloads.get(contract)?).ok(),
            _ => None,
        });
    }

    /// A step of the contract.
    pub(super) fn step(&self, step: &StepId) -> Option<&Step> {
        let contract = self.contract.as_ref()?;
        contract.steps().get(contract.index(&step.name)?)
    }

    /// Where something first happened.
    pub(super) fn first(&self, is: impl Fn(&Event) -> bool) -> Option<u64> {
        self.events.iter().find(|(_, event)| is(event)).map(|(index, _)| *index)
    }

    /// Every leg of a step that an agent was asked for, with the places in `events` of its dispatches.
    pub(super) fn legs(&self) -> BTreeMap<(StepId, Leg), Vec<usize>> {
        let mut legs: BTreeMap<(StepId, Leg), Vec<usize>> = BTreeMap::new();
        for (place, (_, event)) in self.events.iter().enumerate() {
            if let Event::Dispatched { attempt, .. } = event {
                legs.entry((attempt.step.clone(), attempt.leg)).or_default().push(place);
            }
        }
        legs
    }
}
