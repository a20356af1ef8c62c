//! A run as lists show it.

use concordat_model::classification::Classification;
use concordat_model::run::event::{Cause, Ending};
use concordat_model::run::leg::LegState;
use concordat_model::run::{Phase, Run, RunState};

use crate::ports::RunRow;

/// The row of a run as it stands.
#[must_use]
pub fn row(run: &Run) -> RunRow {
    let state = &run.state;
    let contract = run.contract.document();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    RunRow {
        id: run.id,
        tenant: state.submitter.tenant.clone(),
        submission: state.submission,
        label: state.label.clone(),
        contract: contract.metadata.name.clone(),
        digest: run.contract.digest(),
        submitter: state.submitter.name.clone(),
        domain: state.classification.as_ref().and_then(Classification::domain).cloned(),
        status: status(state).to_owned(),
        settled: count(state.steps().len() - state.unsettled()),
        steps: count(state.steps().len()),
        received: state.received,
        ended: match &state.phase {
            Phase::Ended { at, .. } => Some(*at),
            _ => None,
        },
    }
}

/// The status word of a run, in tables, the API and policy.
#[must_use]
pub fn status(state: &RunState) -> &'static str {
    match &state.phase {
        Phase::Received | Phase::InReview(_) | Phase::Waiting | Phase::Running if state.paused.is_some() => {
            "paused"
        }
        Phase::Received => "received",
        Phase::InReview(_) => "in_review",
        Phase::Waiting => "waiting",
        Phase::Running if asks_people(state) => "in_review",
        Phase::Running if listens(state) => "waiting",
        Phase::Running => "running",
        Phase::Closing(_) => "closing",
        Phase::Undoing(_) => "undoing",
        Phase::FallingBack(_) => "falling_back",
        Phase::Ended { ending: Ending::Completed { .. }, .. } => "completed",
        Phase::Ended { cause: Some(Cause::Denied { .. }), .. } => "denied",
        Phase::Ended { cause: Some(Cause::Rejected { .. }), .. } => "rejected",
        Phase::Ended {
            cause: Some(Cause::Cancelled { .. } | Cause::Around { at_once: false, .. }), ..
        } => "cancelled",
        Phase::Ended { cause: Some(Cause::Killed { .. } | Cause::Around { at_once: true, .. }), .. } => {
            "killed"
        }
        Phase::Ended { ending: Ending::Stopped { undone, not_undone }, .. } => {
            if undone.is_empty() || !not_undone.is_empty() { "failed" } else { "undone" }
        }
    }
}

/// Whether nothing moves until a person answers.
fn asks_people(state: &RunState) -> bool {
    !state.reviews.is_empty()
        && state.in_flight() == 0
        && !state.active().any(|(step, leg)| {
            matches!(state.leg(step, leg), Some(LegState::Ready { .. } | LegState::Telling { .. }))
        })
}

/// Whether nothing moves until an event or a moment comes.
fn listens(state: &RunState) -> bool {
    let mut listening = false;
    let all = state.active().all(|(step, leg)| {
        let listens = matches!(state.leg(step, leg), Some(LegState::Listening { .. }));
        listening |= listens;
        listens
    });
    all && listening && state.in_flight() == 0 && state.lent.is_empty()
}
