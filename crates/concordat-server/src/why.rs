//! A run's story in words that a business user understands: admission, routing, waiting, refusal, failure, undo.
//!
//! It is told from the records alone, so it says the same today and in five years. Names of agents that never got
//! a step are not in the records; whoever calls knows them or does not.

mod line;
mod sentence;

use concordat_engine::{EngineError, RunView, status};
use concordat_model::id::AgentId;
use concordat_model::name::StepName;
use concordat_model::run::Phase;
use concordat_model::run::event::Ending;
use concordat_model::run::leg::LegState;

use crate::api::why::{Why, WhyLine};
use crate::story::{Story, reasons};
use sentence::{listed, piece};

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
    Ok(Why { headline: teller.headline(), lines })
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
            Phase::Ended { ending: Ending::Completed { .. }, .. } => "was completed".to_owned(),
            Phase::Ended { cause, ending: Ending::Stopped { undone, not_undone }, .. } => {
                let why = cause.as_ref().map(|cause| format!(": {}", self.story.cause(self.view, cause)));
                let word = match status(state) {
                    "denied" => "was not let in",
                    "rejected" => "was rejected",
                    "cancelled" => "was cancelled",
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
            told.push_str(&format!(
                ", {} with {}",
                listed(&busy),
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
        let contract = &self.view.run.contract;
        let steps = contract.steps().iter().zip(self.view.run.state.steps());
        steps.filter(|(_, state)| is(&state.doing)).map(|(step, _)| step.document.id.to_string()).collect()
    }
}

fn after(undone: &[StepName], not_undone: &[StepName]) -> String {
    let names = |steps: &[StepName]| listed(&steps.iter().map(ToString::to_string).collect::<Vec<_>>());
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
