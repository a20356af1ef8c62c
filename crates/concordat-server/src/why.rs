//! A run's story in words that a business user understands: admission, routing, waiting, refusal, failure, undo.
//!
//! It is told from the records alone, so it says the same today and in five years. Names of agents that never got
//! a step are not in the records; whoever calls knows them or does not.

mod line;
mod people;
mod shaped;

use concordat_engine::{EngineError, RunView, status};
use concordat_model::id::AgentId;
use concordat_model::run::Phase;
use concordat_model::run::event::Ending;
use concordat_model::run::leg::LegState;
use concordat_model::step_id::StepId;

use crate::api::why::{Why, WhyLine, WhyWaiting};
use crate::detail;
use crate::sentence::{listed, piece, until};
use crate::story::{Story, reasons};

/// The most steps of which it is told what they wait for.
const MOST_WAITING: usize = 100;

/// Tells what happened to a run and why. `name` knows agents by their ids.
pub(crate) fn tell(view: &RunView, name: &dyn Fn(AgentId) -> Option<String>) -> Result<Why, EngineError> {
    let story = Story::read(view)?;
    let teller = Teller { view, story: &story, name };
    let mut lines = Vec::with_capacity(story.events.len());
    for (at, event) in &story.events {
        if let Some((text, decision)) = teller.line(event) {
            lines.push(WhyLine { at: *at, text, decision: decision.map(|decision| decision.to_string()) });
        }
    }
    let waiting = detail::waiting(view, &story, name).take(MOST_WAITING);
    let waiting = waiting.map(|(step, awaited)| WhyWaiting { step: step.to_string(), awaited }).collect();
    Ok(Why { headline: teller.headline(), lines, waiting })
}

struct Teller<'a> {
    view: &'a RunView,
    story: &'a Story,
    name: &'a dyn Fn(AgentId) -> Option<String>,
}

impl Teller<'_> {
    fn headline(&self) -> String {
        let state = &self.view.run.state;
        let name = &self.view.run.contract.document().metadata.name;
        if let (Some(pause), false) = (&state.paused, state.is_ended()) {
            let (by, since, reason) = (&pause.by, until(pause.since), &pause.reason);
            return format!("The contract `{name}` was paused by `{by}` on {since}: {reason}.");
        }
        let told = match &state.phase {
            Phase::Received => "was received, and policy has not answered yet".to_owned(),
            Phase::InReview(_) => format!("waits for a reviewer before it may run{}", self.asked()),
            Phase::Waiting => {
                format!("waits for {} to complete first", piece(state.depends_on.len(), "other contract"))
            }
            Phase::Running => self.running(),
            Phase::Closing(cause) => format!("is stopping: {}", self.story.cause(self.view, cause)),
            Phase::Undoing(cause) => {
                format!("is being undone, because {}", self.story.cause(self.view, cause))
            }
            Phase::FallingBack(cause) => {
                format!("is carried out by its fallback, because {}", self.story.cause(self.view, cause))
            }
            Phase::Ended { cause: Some(cause), ending: Ending::Completed { .. }, .. } => {
                format!("was completed by its fallback, because {}", self.story.cause(self.view, cause))
            }
            Phase::Ended { cause: None, ending: Ending::Completed { .. }, .. } => "was completed".to_owned(),
            Phase::Ended { cause, ending: Ending::Stopped { undone, not_undone }, .. } => {
                let why = cause.as_ref().map(|cause| format!(": {}", self.story.cause(self.view, cause)));
                let word = match status(state) {
                    "denied" => "was not let in",
                    "rejected" => "was rejected",
                    "cancelled" => "was cancelled",
                    "killed" => "was ended at once",
                    _ => "failed",
                };
                format!("{word}{}{}", why.unwrap_or_default(), after(undone, not_undone))
            }
        };
        format!("The contract `{name}` {told}.")
    }

    fn asked(&self) -> String {
        let state = &self.view.run.state;
        let open = state.reviews.values().find_map(|open| open.decision);
        match open.and_then(|id| self.story.decision(id)) {
            Some(decision) => format!(": {}", reasons(decision)),
            None => String::new(),
        }
    }

    fn running(&self) -> String {
        let state = &self.view.run.state;
        let steps = state.steps().len();
        let settled = steps.saturating_sub(state.unsettled());
        let mut told = format!("is running, {settled} of {} settled", piece(steps, "step"));
        let busy = self.with(|leg| matches!(leg, LegState::Dispatched { .. }));
        if !busy.is_empty() {
            const SHOWN: usize = 5;
            let more = busy.len().saturating_sub(SHOWN);
            let busy_steps = match more {
                0 => listed(&busy),
                _ => format!("{} and {more} more", listed(busy.get(..SHOWN).unwrap_or_default())),
            };
            told.push_str(&format!(
                ", {busy_steps} with {}",
                if busy.len() == 1 { "an agent" } else { "agents" }
            ));
        }
        if !state.reviews.is_empty() {
            told.push_str(&format!(
                ", and {} open for people",
                match state.reviews.len() {
                    1 => "a review is".to_owned(),
                    n => format!("{n} reviews are"),
                }
            ));
        }
        told
    }

    fn with(&self, is: impl Fn(&LegState) -> bool) -> Vec<String> {
        let run = &self.view.run;
        let steps = run.state.steps().iter().enumerate().filter(|(_, state)| is(&state.doing));
        steps.filter_map(|(place, _)| Some(run.step_id(place)?.to_string())).collect()
    }
}

fn after(undone: &[StepId], not_undone: &[StepId]) -> String {
    let names = |steps: &[StepId]| listed(&steps.iter().map(ToString::to_string).collect::<Vec<_>>());
    match (undone.is_empty(), not_undone.is_empty()) {
        (true, true) => "; nothing had to be undone".to_owned(),
        (false, true) => format!("; everything that was done is undone: {}", names(undone)),
        (true, false) => format!("; {} could not be undone, and a person must look", names(not_undone)),
        (false, false) => format!(
            "; {} undone, but {} could not be undone, and a person must look",
            names(undone) + if undone.len() == 1 { " is" } else { " are" },
            names(not_undone)
        ),
    }
}

#[cfg(test)]
mod tests;
