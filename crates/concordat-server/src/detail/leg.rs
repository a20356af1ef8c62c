//! One leg of one step as the API shows it: where it stands, and what it waits for in words.

use concordat_engine::RunView;
use concordat_model::agree::Step;
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::run::Phase;
use concordat_model::run::event::{Failure, Skip};
use concordat_model::run::leg::LegState;
use concordat_model::work::Leg;

use crate::api::contracts::{AgentRef, LegRow, StepError, StepState};
use crate::story::Story;

/// Where a leg is asked about: its run, its step, and the steps before it.
pub(super) struct Place<'a> {
    pub(super) story: &'a Story,
    pub(super) view: &'a RunView,
    pub(super) step: &'a Step,
    pub(super) leg: Leg,
    pub(super) needs: &'a [String],
}

impl Place<'_> {
    /// Whether nothing more can happen here.
    fn is_over(&self) -> bool {
        matches!(self.view.run.state.phase, Phase::Ended { .. })
    }
}

/// One leg as the API shows it.
pub(super) fn row(place: &Place<'_>, leg: &LegState) -> LegRow {
    let (agent, output) = worked(leg);
    let agent = agent.map(|agent| AgentRef {
        id: agent.to_string(),
        name: place.story.name(agent).map_or_else(|| agent.to_string(), str::to_owned),
    });
    LegRow {
        state: match leg {
            LegState::Waiting | LegState::Ready { .. } | LegState::InReview { .. } if place.is_over() => {
                StepState::NotBegun
            }
            _ => word(leg),
        },
        attempt: leg_attempt(leg)
            .or_else(|| place.story.last_try(place.step.document.id.as_str(), place.leg)),
        waiting_for: waiting_for(place, leg, agent.as_ref()),
        agent,
        since: match leg {
            LegState::Dispatched { since, .. } => Some(*since),
            _ => None,
        },
        error: match leg {
            LegState::Skipped { because } => Some(skipped(*because)),
            LegState::Failed { error, .. } => Some(failed(error)),
            _ => None,
        },
        output_digest: output.map(|output| output.to_string()),
    }
}

fn word(leg: &LegState) -> StepState {
    match leg {
        LegState::Waiting => StepState::Waiting,
        LegState::Ready { .. } => StepState::Ready,
        LegState::InReview { .. } => StepState::InReview,
        LegState::Dispatched { .. } => StepState::Dispatched,
        LegState::Answered { .. } => StepState::Answered,
        LegState::Held { .. } => StepState::Held,
        LegState::Lost { .. } => StepState::Lost,
        LegState::Parked { .. } => StepState::Parked,
        LegState::Done { .. } => StepState::Done,
        LegState::Skipped { .. } => StepState::Skipped,
        LegState::Failed { .. } => StepState::Failed,
    }
}

/// The try that a leg is at; a settled one no longer says.
fn leg_attempt(leg: &LegState) -> Option<u32> {
    match leg {
        LegState::Ready { number, .. }
        | LegState::InReview { number, .. }
        | LegState::Dispatched { number, .. }
        | LegState::Answered { number, .. }
        | LegState::Held { number, .. }
        | LegState::Lost { number, .. }
        | LegState::Parked { number, .. } => Some(*number),
        LegState::Waiting | LegState::Done { .. } | LegState::Skipped { .. } | LegState::Failed { .. } => {
            None
        }
    }
}

/// Who works or worked on it, and what came of it.
fn worked(leg: &LegState) -> (Option<AgentId>, Option<Digest>) {
    match leg {
        LegState::Dispatched { agent, .. } => (Some(*agent), None),
        LegState::Answered { agent, output, .. }
        | LegState::Held { agent, output, .. }
        | LegState::Done { agent, output } => (Some(*agent), Some(*output)),
        _ => (None, None),
    }
}

fn waiting_for(place: &Place<'_>, leg: &LegState, agent: Option<&AgentRef>) -> Option<String> {
    if place.is_over() {
        return None;
    }
    Some(match leg {
        LegState::Waiting => return before(place),
        LegState::Ready { number: 1, .. } => "an agent that policy permits and that is free".to_owned(),
        LegState::Ready { from, .. } => format!("another try, not before {from:.0}"),
        LegState::InReview { review, .. } => {
            format!("a reviewer's answer to {review}, before it is given to an agent")
        }
        LegState::Dispatched { .. } => {
            format!("an answer of `{}`", agent.map_or("?", |agent| agent.name.as_str()))
        }
        LegState::Answered { .. } => "policy to release the result".to_owned(),
        LegState::Held { review, .. } => {
            format!("a reviewer's answer to {review}, before the result is used")
        }
        LegState::Lost { .. } => "what follows from the failed try".to_owned(),
        LegState::Parked { .. } => "a person to find out whether it was done".to_owned(),
        LegState::Done { .. } | LegState::Skipped { .. } | LegState::Failed { .. } => return None,
    })
}

fn before(place: &Place<'_>) -> Option<String> {
    let (view, state) = (place.view, &place.view.run.state);
    match (&state.phase, place.leg) {
        (_, Leg::Undo) => Some("steps after it to be undone".to_owned()),
        (Phase::Received, _) => Some("policy to admit the contract".to_owned()),
        (Phase::InReview(review), _) => {
            Some(format!("a reviewer's answer to {review}, before the contract may run"))
        }
        (Phase::Waiting, _) => Some("the contracts that this one depends on".to_owned()),
        (Phase::Running, _) => {
            let open = place.needs.iter().filter(|need| {
                let at = need.parse().ok().and_then(|name| view.run.contract.index(&name));
                at.and_then(|at| state.leg(at, Leg::Do)).is_none_or(|leg| !leg.is_settled())
            });
            let open: Vec<String> = open.map(|need| format!("`{need}`")).collect();
            Some(open.join(", ")).filter(|open| !open.is_empty())
        }
        (Phase::Closing(_) | Phase::Undoing(_) | Phase::Ended { .. }, _) => None,
    }
}

fn skipped(because: Skip) -> StepError {
    let (code, message) = match because {
        Skip::ConditionFalse => ("condition-false", "its condition did not hold"),
        Skip::NothingBefore => ("nothing-before", "every step that it needs was skipped"),
    };
    StepError { code: code.to_owned(), message: message.to_owned(), decision: None }
}

fn failed(error: &Failure) -> StepError {
    StepError {
        code: error.code.clone(),
        message: error.message.clone(),
        decision: error.decision.map(|decision| decision.to_string()),
    }
}
