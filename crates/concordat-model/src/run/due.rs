//! What a run wants next, given the time. The engine does it, and asks again until nothing is due.

use jiff::Timestamp;

use serde_json::Value;

use crate::agree::Kind;
use crate::contract::{EffectKind, FailureKind, OnError, OnFailure, Retry};
use crate::id::ReviewId;
use crate::reference::{Source, Sourced};
use crate::run::Run;
use crate::run::backoff;
use crate::run::event::{Cause, Failure, Reply, Skip};
use crate::run::leg::LegState;
use crate::run::state::Phase;
use crate::span::Span;
use crate::step_id::StepId;
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
        /// The step's place in the run.
        step: usize,
        /// Why.
        because: Skip,
    },
    /// Begin an attempt: ask the dispatch gate and send, or whatever the step's kind asks for.
    Begin(Ask),
    /// Put the results of a step's items together.
    Gather(Ask),
    /// The moment came until which a step waited.
    Elapse(Ask),
    /// Ask the release gate.
    Release(Ask),
    /// Decide what follows a lost attempt: see [`Run::after_loss`].
    Settle(Ask),
    /// Ask people what became of a parked attempt.
    Reconcile(Ask),
    /// Ask people what an agent wants to know.
    Inquire(Ask),
    /// Ask the dispatch gate whether an agent that asked may be told, and tell it.
    Tell(Ask),
    /// Close a review that nobody answered.
    Lapse(ReviewId),
    /// Stop early.
    Close(Cause),
    /// Undo these steps, in this order.
    Undo(Vec<StepId>),
    /// Carry out the fallback.
    FallBack,
    /// Put the result together, and end.
    Finish,
    /// End after closing or undoing.
    Stop,
}

/// A leg that wants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The step's place in the run.
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
            Due::Begin(ask)
            | Due::Release(ask)
            | Due::Settle(ask)
            | Due::Reconcile(ask)
            | Due::Inquire(ask)
            | Due::Tell(ask) => Some(ask.attempt.leg),
            _ => None,
        }
    }
}

/// How an undo is retried: it must succeed, whatever kind of failure comes between.
const UNDO_RETRIES: u32 = 5;
const UNDO_BACKOFF: Span = Span::seconds(1);

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
            Phase::Ended { .. } | Phase::InReview(_) | Phase::FallingBack(_) => {}
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
            Phase::Closing(cause) if cause.is_at_once() => due.push(Due::Stop),
            Phase::Closing(cause) => {
                due.extend(self.legs_due(now).filter(|one| matches!(one, Due::Release(_) | Due::Settle(_))));
                if due.is_empty() && state.in_flight() == 0 && state.lent.is_empty() {
                    let steps = self.to_undo(cause);
                    due.push(if steps.is_empty() { self.last_resort(cause) } else { Due::Undo(steps) });
                }
            }
            Phase::Undoing(cause) => {
                due.extend(self.legs_due(now).filter(|one| one.leg() == Some(Leg::Undo)));
                if due.is_empty() && state.undo_is_over() {
                    due.push(self.last_resort(cause));
                }
            }
        }
        due
    }

    /// When something will become due by itself, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wake_after(Timestamp::MIN)
    }

    /// The same for whoever has done what was due by a moment: what is left of that waits for something else.
    #[must_use]
    pub fn wake_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let state = &self.state;
        if state.is_ended() {
            return None;
        }
        let ready =
            state.active().filter(|(_, leg)| state.offers(*leg)).filter_map(|(step, leg)| {
                match state.leg(step, leg) {
                    Some(LegState::Ready { from, .. } | LegState::Telling { from, review: None, .. })
                        if state.paused.is_none() =>
                    {
                        Some(*from)
                    }
                    Some(LegState::Listening { until, .. }) => *until,
                    _ => None,
                }
            });
        let lapses = state.reviews.values().map(|open| open.expires);
        let deadline =
            matches!(state.phase, Phase::Waiting | Phase::Running).then_some(state.deadline).flatten();
        ready.chain(lapses).chain(deadline).filter(|at| *at > moment).min()
    }

    /// Whether this attempt may be offered to agents as the run stands, if its time has come.
    #[must_use]
    pub fn offers(&self, attempt: &Attempt) -> bool {
        let leg = self.place(&attempt.step).and_then(|place| self.state.leg(place, attempt.leg));
        let number = match leg {
            Some(LegState::Ready { number, .. } | LegState::Telling { number, review: None, .. }) => {
                Some(*number)
            }
            _ => None,
        };
        number == Some(attempt.number) && self.state.offers(attempt.leg) && self.state.paused.is_none()
    }

    /// What follows a lost attempt.
    #[must_use]
    pub fn after_loss(&self, ask: &Ask, reply: &Reply, now: Timestamp) -> Next {
        let Some(step) = self.step(ask.step) else { return Next::Park };
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
        let (max, base, retried) = match &step.document.retry {
            _ if undo => (UNDO_RETRIES, UNDO_BACKOFF, true),
            Some(Retry { max, backoff, on }) => (*max, *backoff, on.contains(&kind)),
            None => (0, UNDO_BACKOFF, false),
        };
        if retried && failures <= max && !closing {
            let next = crate::run::event::following(&ask.attempt);
            let wait = backoff::wait(self.id, &next, base, failures, retry_after(reply));
            let at = now.checked_add(std::time::Duration::from_millis(wait)).unwrap_or(now);
            return again(at);
        }
        // What cannot be undone by itself is put before a person, and so is what the contract says people decide.
        if !closing && (undo || step.on_error == OnError::Review) {
            return Next::Park;
        }
        Next::Fail { error, tolerated: !undo && self.tolerates(ask.step) }
    }

    /// Whether the run goes on when the step at this place fails for good.
    #[must_use]
    pub fn tolerates(&self, place: usize) -> bool {
        let (Some(step), Some(state)) = (self.step(place), self.state.steps().get(place)) else {
            return false;
        };
        if step.on_error == OnError::Skip {
            return true;
        }
        let steps = self.state.steps();
        if state.item.is_some() {
            let failed =
                steps.get(state.written).and_then(|whole| whole.items).map_or(0, |items| items.failed);
            return failed < step.document.tolerate;
        }
        let followers = self.contract.plan().followers(place);
        let spared = |follower: &usize| {
            let tolerate = self.contract.steps().get(*follower).map_or(0, |step| step.document.tolerate);
            let each =
                self.contract.steps().get(*follower).is_some_and(|step| step.document.for_each.is_some());
            // What a step with items tolerates is about its items.
            !each && steps.get(*follower).is_some_and(|state| state.failed_needs < tolerate)
        };
        !followers.is_empty() && followers.iter().all(spared)
    }

    /// What is left to do when nothing is left to undo.
    fn last_resort(&self, cause: &Cause) -> Due {
        let failed = matches!(cause, Cause::StepFailed { .. } | Cause::Unacceptable { .. });
        if failed && self.contract.fallback().is_some() { Due::FallBack } else { Due::Stop }
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
    pub fn undone(&self, cause: &Cause) -> (Vec<StepId>, Vec<StepId>) {
        let (mut undone, mut not_undone) = (Vec::new(), Vec::new());
        for place in self.undoable(cause) {
            let list = match self.state.leg(place, Leg::Undo) {
                Some(LegState::Done { .. }) => &mut undone,
                _ => &mut not_undone,
            };
            list.extend(self.step_id(place));
        }
        if self.compensates(cause) || cause.is_at_once() {
            not_undone.extend(self.unclear());
        }
        (undone, not_undone)
    }

    /// Steps that may have been done although nobody can say so, and that can no longer be undone by themselves.
    fn unclear(&self) -> impl Iterator<Item = StepId> + '_ {
        self.state.steps().iter().enumerate().filter_map(|(place, state)| {
            let unclear = matches!(
                state.doing,
                LegState::Parked { .. } | LegState::Held { .. } | LegState::Dispatched { .. }
            );
            (unclear && self.step(place)?.document.compensate.is_some()).then(|| self.step_id(place))?
        })
    }

    /// The steps that are still to be undone, the last one done first.
    fn to_undo(&self, cause: &Cause) -> Vec<StepId> {
        let waiting = |place: &usize| self.state.leg(*place, Leg::Undo) == Some(&LegState::Waiting);
        self.undoable(cause).filter(waiting).filter_map(|place| self.step_id(place)).collect()
    }

    /// The places of the steps that were done and say how they are undone, the last one done first.
    fn undoable(&self, cause: &Cause) -> impl Iterator<Item = usize> + '_ {
        let wanted = self.compensates(cause);
        let whole = |place: &usize| self.state.steps().get(*place).is_some_and(|step| step.items.is_none());
        let undoes = |place: &usize| self.step(*place).is_some_and(|step| step.document.compensate.is_some());
        let finished = self.state.completed().iter().rev().copied();
        finished.filter(move |place| wanted && whole(place) && undoes(place))
    }

    fn is_late(&self, now: Timestamp) -> bool {
        self.state.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn legs_due(&self, now: Timestamp) -> impl Iterator<Item = Due> + '_ {
        self.state.active().filter_map(move |(step, leg)| self.leg_due(step, leg, now))
    }

    fn leg_due(&self, step: usize, leg: Leg, now: Timestamp) -> Option<Due> {
        let ask =
            |number: u32| Some(Ask { step, attempt: Attempt { step: self.step_id(step)?, leg, number } });
        match self.state.leg(step, leg)? {
            LegState::Ready { number, from, .. } if *from <= now && self.state.paused.is_none() => {
                match self.skips(step, leg, *number) {
                    Some(because) => Some(Due::Skip { step, because }),
                    None => ask(*number).map(Due::Begin),
                }
            }
            LegState::Answered { number, .. } => ask(*number).map(Due::Release),
            LegState::Lost { number, .. } => ask(*number).map(Due::Settle),
            LegState::Parked { number, review: None } => ask(*number).map(Due::Reconcile),
            LegState::Asking { number, review: None, .. } => ask(*number).map(Due::Inquire),
            LegState::Telling { number, from, review: None, .. }
                if *from <= now && self.state.paused.is_none() =>
            {
                ask(*number).map(Due::Tell)
            }
            LegState::Listening { number, until, .. } if until.is_some_and(|until| until <= now) => {
                ask(*number).map(Due::Elapse)
            }
            LegState::Spread => ask(1).map(Due::Gather),
            _ => None,
        }
    }

    /// Why a step that could run will not.
    fn skips(&self, step: usize, leg: Leg, number: u32) -> Option<Skip> {
        let whole = self.state.steps().get(step)?.item.is_none();
        if leg == Leg::Undo || number > 1 || !whole {
            return None;
        }
        let needs = self.contract.plan().needs(step);
        if self.not_chosen(step, needs) {
            return Some(Skip::NotChosen);
        }
        let skipped = |need: &usize| {
            matches!(
                self.state.leg(*need, Leg::Do),
                Some(LegState::Skipped { .. } | LegState::Failed { tolerated: true, .. })
            )
        };
        let when = self.step(step)?.when.as_ref();
        // A condition on how a step ended is there to hold when it failed.
        let looks_at_failure = when.is_some_and(|when| {
            when.references().iter().any(|one| matches!(one.source, Source::Status(_) | Source::Error(_)))
        });
        if !needs.is_empty() && !looks_at_failure && needs.iter().all(skipped) {
            return Some(Skip::NothingBefore);
        }
        (!when?.holds(&|source| self.source(source, step))).then_some(Skip::ConditionFalse)
    }

    /// Whether choices lead to this step, and none of them chose it.
    fn not_chosen(&self, step: usize, needs: &[usize]) -> bool {
        let Some(name) = self.step(step).map(|step| &step.document.id) else { return false };
        let mut leads = false;
        for need in needs {
            let Some(Kind::OneOf(ways)) = self.step(*need).map(|step| &step.kind) else { continue };
            if !ways.iter().any(|way| way.then == *name) {
                continue;
            }
            leads = true;
            if let Sourced::Value(output) = self.output_of(*need)
                && output.get("chosen").and_then(Value::as_str) == Some(name.as_str())
            {
                return false;
            }
        }
        leads
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

/// For how long the agent asked to be left alone.
fn retry_after(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Failure { retry_after_ms, .. } => *retry_after_ms,
        _ => None,
    }
}
