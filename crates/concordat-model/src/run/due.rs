//! What a run wants next, given the time. The engine does it, and asks again until nothing is due.

use jiff::Timestamp;

use crate::contract::{EffectKind, FailureKind, OnError, OnFailure, Retry};
use crate::id::ReviewId;
use crate::name::StepName;
use crate::run::Run;
use crate::run::event::{Cause, Failure, Reply, Skip};
use crate::run::leg::LegState;
use crate::run::state::Phase;
use crate::span::Span;
use crate::work::{Attempt, Leg};

/// One thing that a run wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Ask the admit gate.
    Admit,
    /// Start, as soon as the runs that it depends on are completed.
    StartAfter,
    /// Skip a step.
    Skip {
        /// The step's place in the contract.
        step: usize,
        /// Why.
        because: Skip,
    },
    /// Ask the dispatch gate, and send.
    Offer(Ask),
    /// Ask the release gate.
    Release(Ask),
    /// Decide what follows a lost attempt: see [`Run::after_loss`].
    Settle(Ask),
    /// Ask people what became of a parked attempt.
    Reconcile(Ask),
    /// Close a review that nobody answered.
    Lapse(ReviewId),
    /// Stop early.
    Close(Cause),
    /// Undo these steps, in this order.
    Undo(Vec<StepName>),
    /// Put the result together, and end.
    Finish,
    /// End after closing or undoing.
    Stop,
}

/// A leg that wants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The step's place in the contract.
    pub step: usize,
    /// The attempt.
    pub attempt: Attempt,
}

/// What follows a lost attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Retry {
        /// That attempt.
        attempt: Attempt,
        /// Not before.
        at: Timestamp,
    },
    /// Nobody may send it again by themselves.
    Park,
    /// It failed for good.
    Fail {
        /// Why.
        error: Failure,
        /// Whether the run goes on as if the step had been skipped.
        tolerated: bool,
    },
}

impl Due {
    /// The leg that it is about.
    fn leg(&self) -> Option<Leg> {
        match self {
            Due::Offer(ask) | Due::Release(ask) | Due::Settle(ask) | Due::Reconcile(ask) => {
                Some(ask.attempt.leg)
            }
            _ => None,
        }
    }
}

/// How an undo is retried: it must succeed, whatever kind of failure comes between.
const UNDO_RETRIES: u32 = 5;
const UNDO_BACKOFF: Span = Span::seconds(1);
/// The longest wait between attempts, in milliseconds.
const LONGEST_BACKOFF: u64 = 300_000;

impl Run {
    /// Everything that is due at this moment, in the order in which it should be done.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        let state = &self.state;
        let mut due: Vec<Due> = Vec::new();
        if state.is_ended() {
            return due;
        }
        due.extend(
            state
                .reviews
                .iter()
                .filter(|(_, open)| open.expires <= now)
                .map(|(review, _)| Due::Lapse(*review)),
        );
        match &state.phase {
            Phase::Ended { .. } | Phase::InReview(_) => {}
            Phase::Received => due.push(Due::Admit),
            Phase::Waiting if self.is_late(now) => due.push(Due::Close(Cause::Deadline)),
            Phase::Waiting => due.push(Due::StartAfter),
            Phase::Running if self.is_late(now) => due.push(Due::Close(Cause::Deadline)),
            Phase::Running => {
                due.extend(self.legs_due(now));
                if state.unsettled() == 0 {
                    due.push(Due::Finish);
                }
            }
            Phase::Closing(cause) => {
                due.extend(self.legs_due(now).filter(|one| matches!(one, Due::Release(_) | Due::Settle(_))));
                if due.is_empty() && state.in_flight() == 0 {
                    let steps = self.to_undo(cause);
                    due.push(if steps.is_empty() { Due::Stop } else { Due::Undo(steps) });
                }
            }
            Phase::Undoing(_) => {
                due.extend(self.legs_due(now).filter(|one| one.leg() == Some(Leg::Undo)));
                if due.is_empty() && self.undo_is_over() {
                    due.push(Due::Stop);
                }
            }
        }
        due
    }

    /// When something will become due by itself, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let state = &self.state;
        if state.is_ended() {
            return None;
        }
        let ready =
            state.active().filter(|(_, leg)| state.offers(*leg)).filter_map(|(step, leg)| {
                match state.leg(step, leg) {
                    Some(LegState::Ready { from, .. }) => Some(*from),
                    _ => None,
                }
            });
        let lapses = state.reviews.values().map(|open| open.expires);
        let deadline =
            matches!(state.phase, Phase::Waiting | Phase::Running).then_some(state.deadline).flatten();
        ready.chain(lapses).chain(deadline).min()
    }

    /// What follows a lost attempt.
    #[must_use]
    pub fn after_loss(&self, ask: &Ask, reply: &Reply, now: Timestamp) -> Next {
        let Some(step) = self.contract.steps().get(ask.step) else { return Next::Park };
        let undo = ask.attempt.leg == Leg::Undo;
        let closing = matches!(self.state.phase, Phase::Closing(_));
        let again = |at| Next::Retry { attempt: crate::run::event::following(&ask.attempt), at };
        // An answer that makes no sense leaves open whether the work was done.
        let unsure = matches!(
            reply,
            Reply::Unknown { .. }
                | Reply::Interrupted
                | Reply::Failure { failure: FailureKind::Malformed, .. }
        );
        if unsure && !undo && step.document.effect == EffectKind::Unsafe {
            return Next::Park;
        }
        if *reply == Reply::Interrupted && !closing {
            return again(now);
        }
        let (kind, error) = describe(reply);
        let failures =
            self.state.steps().get(ask.step).map_or(1, |s| if undo { s.undo_failures } else { s.failures });
        let (max, backoff, retried) = match &step.document.retry {
            _ if undo => (UNDO_RETRIES, UNDO_BACKOFF, true),
            Some(Retry { max, backoff, on }) => (*max, *backoff, on.contains(&kind)),
            None => (0, UNDO_BACKOFF, false),
        };
        if retried && failures <= max && !closing {
            let wait = pause(backoff, failures).max(retry_after(reply)).min(LONGEST_BACKOFF);
            let at = now.checked_add(std::time::Duration::from_millis(wait)).unwrap_or(now);
            return again(at);
        }
        Next::Fail { error, tolerated: !undo && step.on_error == OnError::Skip }
    }

    /// Whether finished steps are to be undone when the run stops for this cause.
    #[must_use]
    pub fn compensates(&self, cause: &Cause) -> bool {
        match cause {
            Cause::StepFailed { compensate, .. } => *compensate,
            _ => self.contract.spec().on_failure == OnFailure::Compensate,
        }
    }

    /// Finished steps that were undone, and those that should have been and were not.
    #[must_use]
    pub fn undone(&self, cause: &Cause) -> (Vec<StepName>, Vec<StepName>) {
        let (mut undone, mut not_undone) = (Vec::new(), Vec::new());
        for step in self.to_undo(cause) {
            let leg = self.contract.index(&step).and_then(|step| self.state.leg(step, Leg::Undo));
            match leg {
                Some(LegState::Done { .. }) => undone.push(step),
                _ => not_undone.push(step),
            }
        }
        if self.compensates(cause) {
            not_undone.extend(self.unclear());
        }
        (undone, not_undone)
    }

    /// Steps that may have been done although nobody can say so, and that can no longer be undone by themselves.
    fn unclear(&self) -> impl Iterator<Item = StepName> + '_ {
        self.contract.steps().iter().zip(self.state.steps()).filter_map(|(step, state)| {
            let unclear = matches!(state.doing, LegState::Parked { .. } | LegState::Held { .. });
            (unclear && step.document.compensate.is_some()).then(|| step.document.id.clone())
        })
    }

    fn to_undo(&self, cause: &Cause) -> Vec<StepName> {
        if !self.compensates(cause) {
            return Vec::new();
        }
        let steps = self.contract.steps();
        let finished = self.state.completed().iter().rev().filter_map(|step| steps.get(*step));
        finished
            .filter(|step| step.document.compensate.is_some())
            .map(|step| step.document.id.clone())
            .collect()
    }

    fn undo_is_over(&self) -> bool {
        let undoing = self.state.steps().iter().map(|step| &step.undoing);
        self.state.in_flight() == 0
            && undoing.into_iter().all(|leg| leg.is_settled() || *leg == LegState::Waiting)
    }

    fn is_late(&self, now: Timestamp) -> bool {
        self.state.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn legs_due(&self, now: Timestamp) -> impl Iterator<Item = Due> + '_ {
        self.state.active().filter_map(move |(step, leg)| self.leg_due(step, leg, now))
    }

    fn leg_due(&self, step: usize, leg: Leg, now: Timestamp) -> Option<Due> {
        let document = &self.contract.steps().get(step)?.document;
        let ask = |number: u32| Ask { step, attempt: Attempt { step: document.id.clone(), leg, number } };
        match self.state.leg(step, leg)? {
            LegState::Ready { number, from, .. } if *from <= now => match self.skips(step, leg, *number) {
                Some(because) => Some(Due::Skip { step, because }),
                None => Some(Due::Offer(ask(*number))),
            },
            LegState::Answered { number, .. } => Some(Due::Release(ask(*number))),
            LegState::Lost { number, .. } => Some(Due::Settle(ask(*number))),
            LegState::Parked { number, review: None } => Some(Due::Reconcile(ask(*number))),
            _ => None,
        }
    }

    /// Why a step that could run will not.
    fn skips(&self, step: usize, leg: Leg, number: u32) -> Option<Skip> {
        if leg == Leg::Undo || number > 1 {
            return None;
        }
        let needs = self.contract.plan().needs(step);
        let skipped = |need: &usize| {
            matches!(
                self.state.leg(*need, Leg::Do),
                Some(LegState::Skipped { .. } | LegState::Failed { tolerated: true, .. })
            )
        };
        if !needs.is_empty() && needs.iter().all(skipped) {
            return Some(Skip::NothingBefore);
        }
        let when = self.contract.steps().get(step)?.when.as_ref()?;
        (!when.holds(&|source| self.source(source, step))).then_some(Skip::ConditionFalse)
    }
}

/// What kind of failure a reply is, and how it is told.
fn describe(reply: &Reply) -> (FailureKind, Failure) {
    let failure = |kind, code: &str, message: String| {
        (kind, Failure { code: code.to_owned(), message, decision: None })
    };
    match reply {
        Reply::Failure { failure: kind, code, message, .. } => failure(*kind, code, message.clone()),
        Reply::Unknown { failure: kind, message } => failure(*kind, "agent-silent", message.clone()),
        Reply::Interrupted => failure(
            FailureKind::Unavailable,
            "interrupted",
            "Concordat stopped while the agent worked".to_owned(),
        ),
        Reply::Output { misfits, .. } => {
            let message = format!("the answer does not fit: {}", misfits.join("; "));
            failure(FailureKind::Malformed, "output-misfit", message)
        }
    }
}

fn retry_after(reply: &Reply) -> u64 {
    match reply {
        Reply::Failure { retry_after_ms: Some(wait), .. } => *wait,
        _ => 0,
    }
}

/// The wait before the next attempt: it doubles with each failure.
fn pause(backoff: Span, failures: u32) -> u64 {
    let doubled = 1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    backoff.millis().saturating_mul(doubled)
}
