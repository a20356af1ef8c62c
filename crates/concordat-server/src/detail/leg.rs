//! One leg of one step as the API shows it: where it stands, and what it waits for in words.

use concordat_engine::{RunView, Waiting};
use concordat_model::agree::{Kind, Step};
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, ReviewId};
use concordat_model::run::Phase;
use concordat_model::run::event::{About, Failure, Skip};
use concordat_model::run::leg::LegState;
use concordat_model::step_id::StepId;
use concordat_model::work::{Attempt, Leg};
use jiff::Timestamp;

use super::line;
use crate::api::contracts::{AgentRef, LegRow, StepError, StepState};
use crate::awaited;
use crate::inquiry;
use crate::sentence::{and, until};
use crate::story::{Story, choices_before};

/// Where a leg is asked about: its run and its step.
pub(super) struct Place<'a> {
    pub(super) story: &'a Story,
    pub(super) view: &'a RunView,
    pub(super) name: &'a dyn Fn(AgentId) -> Option<String>,
    pub(super) step: &'a Step,
    pub(super) id: StepId,
    pub(super) place: usize,
    pub(super) leg: Leg,
}

impl Place<'_> {
    /// Whether nothing more can happen here.
    fn is_over(&self) -> bool {
        matches!(self.view.run.state.phase, Phase::Ended { .. })
    }

    fn agent(&self, agent: AgentId) -> AgentRef {
        let known = self.story.name(agent).map(str::to_owned).or_else(|| (self.name)(agent));
        AgentRef { id: agent.to_string(), name: known.unwrap_or_else(|| agent.to_string()) }
    }

    /// What the engine says about this leg's try, if it could run and waits for an agent.
    fn in_line(&self, number: u32) -> Option<&Waiting> {
        let attempt = Attempt { step: self.id.clone(), leg: self.leg, number };
        self.view.waits.iter().find(|waiting| waiting.attempt == attempt)
    }

    /// Whether this review is the question that the step is.
    fn is_question(&self, review: ReviewId) -> bool {
        matches!(self.story.asked(review), Some(About::Question { .. }))
    }
}

/// One leg as the API shows it.
pub(super) fn row(place: &Place<'_>, leg: &LegState) -> LegRow {
    let (agent, output) = worked(leg);
    let agent = agent.map(|agent| place.agent(agent));
    let (since, until) = times(place, leg);
    LegRow {
        attempt: leg_attempt(leg).or_else(|| place.story.last_try(&place.id, place.leg)),
        waiting_for: waiting_for(place, leg, agent.as_ref()),
        agent,
        run: match place.leg {
            Leg::Do => place.story.within(&place.id).map(|run| run.to_string()),
            Leg::Undo => None,
        },
        since,
        until: until.filter(|_| !place.is_over()),
        error: match leg {
            LegState::Skipped { because } => Some(skipped(place, *because)),
            LegState::Failed { error, .. } => Some(failed(error)),
            _ => None,
        },
        output_digest: output.map(|output| output.to_string()),
        ..LegRow::of(if place.is_over() { left(place, leg) } else { word(leg) })
    }
}

/// The word for a leg whose run is over.
fn left(place: &Place<'_>, leg: &LegState) -> StepState {
    match leg {
        LegState::InReview { .. } if matches!(place.step.kind, Kind::Review(_)) => StepState::BrokenOff,
        LegState::Waiting | LegState::Ready { .. } | LegState::InReview { .. } => StepState::NotBegun,
        LegState::Spread
        | LegState::Listening { .. }
        | LegState::Delegated { .. }
        | LegState::Asking { .. }
        | LegState::Telling { .. } => StepState::BrokenOff,
        _ => word(leg),
    }
}

fn word(leg: &LegState) -> StepState {
    match leg {
        LegState::Waiting => StepState::Waiting,
        LegState::Ready { .. } => StepState::Ready,
        LegState::InReview { .. } => StepState::InReview,
        LegState::Spread => StepState::Spread,
        LegState::Listening { .. } => StepState::Listening,
        LegState::Delegated { .. } => StepState::Delegated,
        LegState::Dispatched { .. } => StepState::Dispatched,
        LegState::Asking { .. } => StepState::Asking,
        LegState::Telling { .. } => StepState::Telling,
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
        | LegState::Listening { number, .. }
        | LegState::Delegated { number, .. }
        | LegState::Dispatched { number, .. }
        | LegState::Asking { number, .. }
        | LegState::Telling { number, .. }
        | LegState::Answered { number, .. }
        | LegState::Held { number, .. }
        | LegState::Lost { number, .. }
        | LegState::Parked { number, .. } => Some(*number),
        LegState::Waiting
        | LegState::Spread
        | LegState::Done { .. }
        | LegState::Skipped { .. }
        | LegState::Failed { .. } => None,
    }
}

/// Who works or worked on it, and what came of it.
fn worked(leg: &LegState) -> (Option<AgentId>, Option<Digest>) {
    match leg {
        LegState::Dispatched { agent, .. } => (Some(*agent), None),
        LegState::Asking { inquiry, .. } | LegState::Telling { inquiry, .. } => (Some(inquiry.agent), None),
        LegState::Answered { agent, output, .. } | LegState::Held { agent, output, .. } => {
            (Some(*agent), Some(*output))
        }
        LegState::Done { agent, output } => (*agent, Some(*output)),
        _ => (None, None),
    }
}

/// Since when it is so, and until when at the latest.
fn times(place: &Place<'_>, leg: &LegState) -> (Option<Timestamp>, Option<Timestamp>) {
    let state = &place.view.run.state;
    let deadline = state.deadline.filter(|_| place.leg == Leg::Do);
    match leg {
        LegState::Dispatched { since, .. } => {
            let timeout = since.checked_add(place.step.timeout.duration()).ok();
            (Some(*since), timeout.into_iter().chain(deadline).min())
        }
        LegState::Delegated { since, .. } => (Some(*since), None),
        LegState::Listening { since, until, .. } => (Some(*since), *until),
        LegState::InReview { review, .. }
        | LegState::Held { review, .. }
        | LegState::Asking { review: Some(review), .. }
        | LegState::Telling { review: Some(review), .. }
        | LegState::Parked { review: Some(review), .. } => match state.reviews.get(review) {
            Some(open) => (Some(open.opened), Some(open.expires)),
            None => (None, None),
        },
        LegState::Ready { number, .. } | LegState::Telling { number, .. } => match place.in_line(*number) {
            Some(waiting) => (Some(waiting.since), waiting.until.or(deadline)),
            None => (None, None),
        },
        _ => (None, None),
    }
}

fn waiting_for(place: &Place<'_>, leg: &LegState, agent: Option<&AgentRef>) -> Option<String> {
    if place.is_over() {
        return None;
    }
    let state = &place.view.run.state;
    Some(match leg {
        LegState::Waiting => return before(place),
        LegState::Ready { from, .. } => match &state.paused {
            Some(pause) => format!(
                "somebody to resume the contract, which `{}` paused on {}: {}",
                pause.by,
                until(pause.since),
                pause.reason
            ),
            None => ready(place, leg, *from),
        },
        LegState::InReview { review, .. } => match &place.step.kind {
            Kind::Review(question) if place.is_question(*review) => {
                format!("an answer to “{}” ({review})", question.question)
            }
            _ => format!("a reviewer's answer to {review}, before it is given to an agent"),
        },
        LegState::Spread => {
            let items = state.steps().get(place.place)?.items?;
            format!("{} of its {} items", items.open, items.count)
        }
        LegState::Listening { until, expectation, heard, .. } => {
            let told = awaited::told(&place.view.run, expectation, *until);
            match heard.len() {
                0 => told,
                came => format!("{told}; {came} came so far"),
            }
        }
        LegState::Delegated { run, .. } => format!("the contract {run} to be over"),
        LegState::Dispatched { .. } => {
            format!("an answer of `{}`", agent.map_or("?", |agent| agent.name.as_str()))
        }
        LegState::Asking { .. } | LegState::Telling { .. } => asking(place, leg, agent)?,
        LegState::Answered { .. } => "policy to release the result".to_owned(),
        LegState::Held { review, .. } => {
            format!("a reviewer's answer to {review}, before the result is used")
        }
        LegState::Lost { .. } => "what follows from the failed try".to_owned(),
        LegState::Parked { .. } => "a person to find out whether it was done".to_owned(),
        LegState::Done { .. } | LegState::Skipped { .. } | LegState::Failed { .. } => return None,
    })
}

/// What keeps a leg whose agent asks something.
fn asking(place: &Place<'_>, leg: &LegState, agent: Option<&AgentRef>) -> Option<String> {
    Some(match leg {
        LegState::Asking { inquiry, review, .. } => {
            let asks = inquiry::asks(&place.view.run, &inquiry.question);
            match review {
                Some(review) => format!("a reviewer's answer to {review}: {asks}"),
                None => format!("a reviewer's answer: {asks}"),
            }
        }
        LegState::Telling { review: Some(review), .. } => {
            format!("a reviewer's answer to {review}, before the agent is told what it asked")
        }
        LegState::Telling { number, .. } => match place.in_line(*number) {
            Some(waiting) if !waiting.obstacles.is_empty() => {
                line::told(waiting, &|agent| place.agent(agent).name)
            }
            _ => format!("policy to let `{}` be told what it asked", agent?.name),
        },
        _ => return None,
    })
}

/// What keeps a leg that may begin.
fn ready(place: &Place<'_>, leg: &LegState, from: Timestamp) -> String {
    let in_line = leg_attempt(leg).and_then(|number| place.in_line(number));
    if let Some(waiting) = in_line.filter(|waiting| !waiting.obstacles.is_empty()) {
        return line::told(waiting, &|agent| place.agent(agent).name);
    }
    let asks_an_agent = place.leg == Leg::Undo || matches!(place.step.kind, Kind::Skill(_));
    match leg {
        LegState::Ready { number: 1, put_off: false, .. } if asks_an_agent => {
            "an agent that policy permits and that is free".to_owned()
        }
        LegState::Ready { number: 1, put_off: false, .. } => "its turn".to_owned(),
        _ => format!("another try, not before {from:.0}"),
    }
}

fn before(place: &Place<'_>) -> Option<String> {
    let (run, state) = (&place.view.run, &place.view.run.state);
    match (&state.phase, place.leg) {
        (_, Leg::Undo) => Some("steps after it to be undone".to_owned()),
        (Phase::Received, _) => Some("policy to admit the contract".to_owned()),
        (Phase::InReview(review), _) => {
            Some(format!("a reviewer's answer to {review}, before the contract may run"))
        }
        (Phase::Waiting, _) => Some("the contracts that this one depends on".to_owned()),
        (Phase::Running, _) if place.id.item.is_some() => {
            let most = place.step.document.max_parallel?;
            Some(format!("other items to be done first, at most {most} at a time"))
        }
        (Phase::Running, _) => {
            let needs = run.contract.plan().needs(place.place).iter();
            let open = needs.filter(|need| state.leg(**need, Leg::Do).is_none_or(|leg| !leg.is_settled()));
            let open: Vec<String> =
                open.filter_map(|need| Some(format!("`{}`", run.step_id(*need)?))).collect();
            Some(open.join(", ")).filter(|open| !open.is_empty())
        }
        (Phase::Closing(_) | Phase::Undoing(_) | Phase::FallingBack(_) | Phase::Ended { .. }, _) => None,
    }
}

/// Why a step was not chosen, as a part of a sentence.
pub(crate) fn not_chosen(view: &RunView, step: &concordat_model::name::StepName) -> String {
    let choices = choices_before(&view.run, step).into_iter().map(|(choice, chosen)| match chosen {
        Some(chosen) => format!("the choice `{choice}` took `{chosen}`"),
        None => format!("the choice `{choice}` was not made"),
    });
    and(&choices.collect::<Vec<_>>())
}

fn skipped(place: &Place<'_>, because: Skip) -> StepError {
    let (code, message) = match because {
        Skip::ConditionFalse => ("condition-false", "its condition did not hold".to_owned()),
        Skip::NothingBefore => ("nothing-before", "every step that it needs was skipped".to_owned()),
        Skip::NotChosen => ("not-chosen", not_chosen(place.view, &place.id.name)),
    };
    StepError { code: code.to_owned(), message, decision: None }
}

fn failed(error: &Failure) -> StepError {
    StepError {
        code: error.code.clone(),
        message: error.message.clone(),
        decision: error.decision.map(|decision| decision.to_string()),
    }
}
