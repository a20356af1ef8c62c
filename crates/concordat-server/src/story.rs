//! A run's records, read: what the detail of a run and its story are both told from.

use std::collections::HashMap;

use concordat_engine::{EngineError, RunView};
use concordat_model::agree::Kind;
use concordat_model::decision::Decision;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId, EventId, ReviewId, RunId};
use concordat_model::name::StepName;
use concordat_model::reference::Sourced;
use concordat_model::run::Run;
use concordat_model::run::event::{About, Attempt, Cause, Event};
use concordat_model::run::leg::LegState;
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;
use jiff::Timestamp;
use serde_json::Value;

/// A run's events with their times, and what is looked up among them.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) events: Vec<(Timestamp, Event)>,
    names: HashMap<AgentId, String>,
    decisions: HashMap<DecisionId, usize>,
    /// Who got an attempt.
    given: HashMap<Attempt, AgentId>,
    latencies: HashMap<Attempt, u64>,
    /// The last try of each leg.
    tries: HashMap<(StepId, Leg), u32>,
    /// The last contract that was carried out for a step.
    within: HashMap<StepId, RunId>,
    fallback: Option<RunId>,
    asked: HashMap<ReviewId, About>,
    heard: HashMap<Attempt, Vec<EventId>>,
}

impl Story {
    /// Reads a run's records.
    pub(crate) fn read(view: &RunView) -> Result<Story, EngineError> {
        let mut story = Story { events: Vec::with_capacity(view.records.len()), ..Story::default() };
        for stored in &view.records {
            let odd = |why: String| EngineError::Log { index: stored.index, why };
            let at = stored.record.time().parse().map_err(|error: jiff::Error| odd(error.to_string()))?;
            let event: Event = stored.record.data().map_err(|error| odd(error.to_string()))?;
            story.note(&event);
            story.events.push((at, event));
        }
        Ok(story)
    }

    fn note(&mut self, event: &Event) {
        if let Some(attempt) = attempt_of(event) {
            self.tries.insert((attempt.step.clone(), attempt.leg), attempt.number);
        }
        match event {
            Event::Decided { decision, .. } => {
                self.decisions.insert(decision.id, self.events.len());
            }
            Event::Dispatched { attempt, agent, agent_name, .. } => {
                self.names.insert(*agent, agent_name.to_string());
                self.given.insert(attempt.clone(), *agent);
            }
            Event::Recalled { attempt, agent, .. } => {
                self.given.insert(attempt.clone(), *agent);
            }
            Event::Answered { attempt, latency_ms, .. } => {
                self.latencies.insert(attempt.clone(), *latency_ms);
            }
            Event::Delegated { attempt, run, .. } => {
                self.within.insert(attempt.step.clone(), *run);
            }
            Event::FellBack { run, .. } => self.fallback = Some(*run),
            Event::ReviewOpened { review, about, .. } => {
                self.asked.insert(*review, about.clone());
            }
            Event::Heard { attempt, heard, .. } => {
                self.heard.entry(attempt.clone()).or_default().push(*heard);
            }
            _ => {}
        }
    }

    /// The name that an agent had when it got a step of this run.
    pub(crate) fn name(&self, agent: AgentId) -> Option<&str> {
        self.names.get(&agent).map(String::as_str)
    }

    /// A decision that the run's records hold.
    pub(crate) fn decision(&self, id: DecisionId) -> Option<&Decision> {
        match self.events.get(*self.decisions.get(&id)?) {
            Some((_, Event::Decided { decision, .. })) => Some(decision),
            _ => None,
        }
    }

    /// The agent that got an attempt.
    pub(crate) fn agent_of(&self, wanted: &Attempt) -> Option<AgentId> {
        self.given.get(wanted).copied()
    }

    /// How long the agent took for an attempt, in milliseconds.
    pub(crate) fn latency_of(&self, wanted: &Attempt) -> Option<u64> {
        self.latencies.get(wanted).copied()
    }

    /// The number of the last try of a leg that an event speaks of.
    pub(crate) fn last_try(&self, step: &StepId, leg: Leg) -> Option<u32> {
        self.tries.get(&(step.clone(), leg)).copied()
    }

    /// The run of the contract that is or was carried out for a step.
    pub(crate) fn within(&self, step: &StepId) -> Option<RunId> {
        self.within.get(step).copied()
    }

    /// The run of the fallback.
    pub(crate) fn fallback(&self) -> Option<RunId> {
        self.fallback
    }

    /// What a review was about.
    pub(crate) fn asked(&self, review: ReviewId) -> Option<&About> {
        self.asked.get(&review)
    }

    /// Which of the events that an attempt heard this is, from 1.
    pub(crate) fn nth_heard(&self, attempt: &Attempt, event: EventId) -> Option<usize> {
        Some(self.heard.get(attempt)?.iter().position(|heard| *heard == event)? + 1)
    }

    /// When the present review of something was answered with no, and the words that came with it.
    pub(crate) fn rejection(&self, wanted: ReviewId) -> Option<String> {
        self.events.iter().rev().find_map(|(_, event)| match event {
            Event::ReviewAnswered { review, by, reason, .. } if *review == wanted => {
                Some(format!("`{}` rejected it: {reason}", by.name))
            }
            Event::ReviewLapsed { review } if *review == wanted => Some("nobody answered in time".to_owned()),
            _ => None,
        })
    }

    /// Why a run stops, as a sentence without its full stop.
    pub(crate) fn cause(&self, view: &RunView, cause: &Cause) -> String {
        match cause {
            Cause::StepFailed { step, .. } => {
                let leg = view.run.place(step).and_then(|at| view.run.state.leg(at, Leg::Do));
                match leg {
                    Some(LegState::Failed { error, .. }) => {
                        format!("step `{step}` failed: {}", error.message)
                    }
                    _ => format!("step `{step}` failed"),
                }
            }
            Cause::Cancelled { by, reason, .. } => format!("`{by}` cancelled it: {reason}"),
            Cause::Killed { by, reason, .. } => format!("`{by}` ended it at once: {reason}"),
            Cause::Around { run, at_once: false } => format!("the contract around it, {run}, stops"),
            Cause::Around { run, at_once: true } => {
                format!("the contract around it, {run}, was ended at once")
            }
            Cause::Deadline => "its deadline passed".to_owned(),
            Cause::Dependency { run } => {
                format!("the contract `{run}`, which it depends on, did not complete")
            }
            Cause::Exceeded { limit } => format!("it has grown beyond what a run may be: {limit}"),
            Cause::Unacceptable { message } => format!("its result is not acceptable: {message}"),
            Cause::Rejected { review } => match self.rejection(*review) {
                Some(words) => format!("people did not approve it: {words}"),
                None => "people did not approve it".to_owned(),
            },
            Cause::Denied { decision } => match self.decision(*decision) {
                Some(decision) => format!("policy does not let it run: {}", reasons(decision)),
                None => "policy does not let it run".to_owned(),
            },
        }
    }
}

/// The reasons of a decision in one line, each with its way out.
pub(crate) fn reasons(decision: &Decision) -> String {
    let sentence = |reason: &concordat_model::decision::Reason| match &reason.fix {
        Some(fix) => format!("{} ({fix})", reason.message),
        None => reason.message.clone(),
    };
    let all: Vec<String> = decision.answer.reasons().iter().map(sentence).collect();
    all.join("; ")
}

/// The digest of the result of a run that was completed.
pub(crate) fn output_of(view: &RunView) -> Option<Digest> {
    use concordat_model::run::Phase;
    use concordat_model::run::event::Ending;
    match &view.run.state.phase {
        Phase::Ended { ending: Ending::Completed { output }, .. } => Some(*output),
        _ => None,
    }
}

/// The choices before a step, and what each took: why it was not chosen.
pub(crate) fn choices_before(run: &Run, step: &StepName) -> Vec<(StepName, Option<String>)> {
    let Some(at) = run.contract.index(step) else { return Vec::new() };
    let needs = run.contract.plan().needs(at).iter();
    needs
        .filter_map(|need| {
            let choice = run.contract.steps().get(*need)?;
            let Kind::OneOf(ways) = &choice.kind else { return None };
            let leads = ways.iter().any(|way| way.then == *step);
            leads.then(|| (choice.document.id.clone(), chosen(run, *need)))
        })
        .collect()
}

/// The branch that a choice took.
pub(crate) fn chosen(run: &Run, choice: usize) -> Option<String> {
    match run.output_of(choice) {
        Sourced::Value(output) => output.get("chosen").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

fn attempt_of(event: &Event) -> Option<&Attempt> {
    match event {
        Event::Dispatched { attempt, .. }
        | Event::Asked { attempt, .. }
        | Event::Told { attempt, .. }
        | Event::Answered { attempt, .. }
        | Event::Released { attempt, .. }
        | Event::Retrying { attempt, .. }
        | Event::Failed { attempt, .. }
        | Event::Listening { attempt, .. }
        | Event::Delegated { attempt, .. }
        | Event::Recalled { attempt, .. }
        | Event::Concluded { attempt, .. }
        | Event::Parked { attempt } => Some(attempt),
        _ => None,
    }
}
