//! A run's records, read: what the detail of a run and its story are both told from.

use std::collections::HashMap;

use concordat_engine::{EngineError, RunView};
use concordat_model::decision::Decision;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId, ReviewId};
use concordat_model::run::event::{Attempt, Cause, Event};
use concordat_model::run::leg::LegState;
use concordat_model::work::Leg;
use jiff::Timestamp;

/// A run's events with their times, and what is looked up among them.
pub(crate) struct Story {
    pub(crate) events: Vec<(Timestamp, Event)>,
    names: HashMap<AgentId, String>,
}

impl Story {
    /// Reads a run's records.
    pub(crate) fn read(view: &RunView) -> Result<Story, EngineError> {
        let mut events = Vec::with_capacity(view.records.len());
        let mut names = HashMap::new();
        for stored in &view.records {
            let odd = |why: String| EngineError::Log { index: stored.index, why };
            let at = stored.record.time().parse().map_err(|error: jiff::Error| odd(error.to_string()))?;
            let event: Event = stored.record.data().map_err(|error| odd(error.to_string()))?;
            if let Event::Dispatched { agent, agent_name, .. } = &event {
                names.insert(*agent, agent_name.to_string());
            }
            events.push((at, event));
        }
        Ok(Story { events, names })
    }

    /// The name that an agent had when it got a step of this run.
    pub(crate) fn name(&self, agent: AgentId) -> Option<&str> {
        self.names.get(&agent).map(String::as_str)
    }

    /// A decision that the run's records hold.
    pub(crate) fn decision(&self, id: DecisionId) -> Option<&Decision> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::Decided { decision, .. } if decision.id == id => Some(&**decision),
            _ => None,
        })
    }

    /// The agent that got an attempt.
    pub(crate) fn agent_of(&self, wanted: &Attempt) -> Option<AgentId> {
        self.events.iter().rev().find_map(|(_, event)| match event {
            Event::Dispatched { attempt, agent, .. } if attempt == wanted => Some(*agent),
            _ => None,
        })
    }

    /// The number of the last try of a leg that an event speaks of.
    pub(crate) fn last_try(&self, step: &str, leg: Leg) -> Option<u32> {
        self.events.iter().rev().find_map(|(_, event)| {
            let attempt = attempt_of(event)?;
            (attempt.leg == leg && attempt.step.as_str() == step).then_some(attempt.number)
        })
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
                let leg = view.run.contract.index(step).and_then(|at| view.run.state.leg(at, Leg::Do));
                match leg {
                    Some(LegState::Failed { error, .. }) => {
                        format!("step `{step}` failed: {}", error.message)
                    }
                    _ => format!("step `{step}` failed"),
                }
            }
            Cause::Cancelled { by, reason, .. } => format!("`{by}` cancelled it: {reason}"),
            Cause::Deadline => "its deadline passed".to_owned(),
            Cause::Dependency { run } => {
                format!("the contract `{run}`, which it depends on, did not complete")
            }
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

fn attempt_of(event: &Event) -> Option<&Attempt> {
    match event {
        Event::Dispatched { attempt, .. }
        | Event::Answered { attempt, .. }
        | Event::Released { attempt, .. }
        | Event::Retrying { attempt, .. }
        | Event::Failed { attempt, .. }
        | Event::Parked { attempt } => Some(attempt),
        _ => None,
    }
}
