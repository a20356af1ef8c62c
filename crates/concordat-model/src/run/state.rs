//! What is: the fold over a run's events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::agree::Contract;
use crate::classification::Classification;
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, ReviewId, RunId, SubmissionId};
use crate::name::StepName;
use crate::principal::Principal;
use crate::run::event::{About, Cause, Ending, Event, Reply, Verdict};
use crate::run::leg::{LegState, Move};
use crate::work::{Attempt, Leg};

/// Everything that a run's events add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// Where the run as a whole stands.
    pub phase: Phase,
    /// What it came with.
    pub submission: SubmissionId,
    /// What it is called within that submission.
    pub label: StepName,
    /// Who sent it.
    pub submitter: Principal,
    /// When it was received.
    pub received: Timestamp,
    /// The runs that must be completed before it starts.
    pub depends_on: Vec<RunId>,
    /// What it is about, once the classifier was asked.
    pub classification: Option<Classification>,
    /// When it must be over, once it was admitted.
    pub deadline: Option<Timestamp>,
    /// Calls to agents so far.
    pub calls: u32,
    /// What they cost, in millionths by currency.
    pub spent: BTreeMap<String, u64>,
    /// The open reviews.
    pub reviews: BTreeMap<ReviewId, OpenReview>,
    /// What people approved, by what it was about: evidence for policy.
    pub approvals: BTreeMap<About, Approval>,
    steps: Vec<StepState>,
    /// Steps done, in the order of completion.
    completed: Vec<usize>,
    /// Steps being undone, in order.
    undoing: Vec<usize>,
    /// Legs that may be offered, that wait for the release gate, or that need a decision after a lost try.
    active: BTreeSet<(usize, Leg)>,
    in_flight: usize,
    unsettled: usize,
}

/// Where a run as a whole stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The admit gate was not passed yet.
    Received,
    /// People are asked whether it may run.
    InReview(ReviewId),
    /// It waits for other runs.
    Waiting,
    /// Steps run.
    Running,
    /// Nothing new starts; agents that have work may finish it.
    Closing(Cause),
    /// Finished steps are being undone.
    Undoing(Cause),
    /// It is over.
    Ended {
        /// Why it stopped early, if it did.
        cause: Option<Cause>,
        /// How it ended.
        ending: Ending,
        /// When.
        at: Timestamp,
    },
}

/// One step's two legs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// Doing it.
    pub doing: LegState,
    /// Undoing it.
    pub undoing: LegState,
    /// The agents that failed at it.
    pub failed_by: Vec<AgentId>,
    /// How many attempts at doing it failed.
    pub failures: u32,
    /// How many attempts at undoing it failed.
    pub undo_failures: u32,
    open_needs: usize,
}

/// A question to people that was not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReview {
    /// What it is about.
    pub about: About,
    /// The decision that asked for it.
    pub decision: Option<DecisionId>,
    /// The digest of what they are asked to approve.
    pub payload: Digest,
    /// Since when it waits.
    pub opened: Timestamp,
    /// When it lapses.
    pub expires: Timestamp,
}

/// What a person approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The review.
    pub review: ReviewId,
    /// Who approved.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// The digest of what they saw.
    pub payload: Digest,
}

/// An event that cannot happen in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` cannot happen while {what} is {state}")]
pub struct IllegalMove {
    event: &'static str,
    what: String,
    state: String,
}

impl RunState {
    /// The state after a contract was received.
    pub(crate) fn open(contract: &Contract, event: &Event, at: Timestamp) -> Result<RunState, IllegalMove> {
        let Event::Received { submission, label, submitter, depends_on, .. } = event else {
            let (what, state) = ("the run".to_owned(), "not received".to_owned());
            return Err(IllegalMove { event: event.record_type(), what, state });
        };
        let waiting = |step| StepState {
            doing: LegState::Waiting,
            undoing: LegState::Waiting,
            failed_by: Vec::new(),
            failures: 0,
            undo_failures: 0,
            open_needs: contract.plan().needs(step).len(),
        };
        let n = contract.steps().len();
        Ok(RunState {
            phase: Phase::Received,
            submission: *submission,
            label: label.clone(),
            submitter: submitter.clone(),
            received: at,
            depends_on: depends_on.clone(),
            classification: None,
            deadline: None,
            calls: 0,
            spent: BTreeMap::new(),
            reviews: BTreeMap::new(),
            approvals: BTreeMap::new(),
            steps: (0..n).map(waiting).collect(),
            completed: Vec::new(),
            undoing: Vec::new(),
            active: BTreeSet::new(),
            in_flight: 0,
            unsettled: n,
        })
    }

    /// Folds one event: the transition table of runs.
    #[expect(clippy::too_many_lines, reason = "the transition table is easier to check in one piece")]
    pub(crate) fn apply(
        &mut self,
        contract: &Contract,
        event: &Event,
        at: Timestamp,
    ) -> Result<(), IllegalMove> {
        match event {
            Event::Classified { classification } if self.phase == Phase::Received => {
                self.classification = Some(classification.clone());
            }
            Event::Decided { .. } if !self.is_ended() => {}
            Event::Waiting if self.phase == Phase::Received => {
                self.admit(contract, at);
                self.phase = Phase::Waiting;
            }
            Event::Started if matches!(self.phase, Phase::Received | Phase::Waiting) => {
                self.admit(contract, at);
                self.phase = Phase::Running;
                for step in 0..self.steps.len() {
                    self.wake_if_free(step, at);
                }
            }
            Event::ReviewOpened { review, about, decision, payload, expires } if !self.is_ended() => {
                self.open_review(contract, event, *review, about)?;
                let open = OpenReview {
                    about: about.clone(),
                    decision: *decision,
                    payload: *payload,
                    opened: at,
                    expires: *expires,
                };
                self.reviews.insert(*review, open);
            }
            Event::ReviewAnswered { review, verdict, by, payload, .. }
                if self.reviews.contains_key(review) =>
            {
                if let Some(open) = self.reviews.remove(review)
                    && *verdict == Verdict::Approve
                {
                    self.approve(contract, event, &open.about, at)?;
                    let approval = Approval { review: *review, by: by.clone(), at, payload: *payload };
                    self.approvals.insert(open.about, approval);
                }
            }
            Event::ReviewLapsed { review } if self.reviews.contains_key(review) => {
                self.reviews.remove(review);
            }
            Event::Skipped { step, because } if self.phase == Phase::Running => {
                let step = self.step_index(contract, step, event)?;
                self.step(step, Leg::Do, Move::Skip { because: *because }, event)?;
                self.settle(contract, step, at);
            }
            Event::Dispatched { attempt, agent, cost, .. } if self.offers(attempt.leg) => {
                let go = Move::Dispatch { number: attempt.number, agent: *agent, at };
                self.attempt(contract, attempt, go, event)?;
                self.calls = self.calls.saturating_add(1);
                if let Some(cost) = cost {
                    *self.spent.entry(cost.currency().to_owned()).or_default() += cost.micros();
                }
            }
            Event::Answered { attempt, reply, .. } if !self.is_ended() => {
                let number = attempt.number;
                let step = match reply {
                    Reply::Output { output, misfits, .. } if misfits.is_empty() => {
                        Move::Deliver { number, output: *output }
                    }
                    _ => Move::Lose { number, reply: reply.clone() },
                };
                self.remember_failure(contract, attempt, reply);
                self.attempt(contract, attempt, step, event)?;
            }
            Event::Released { attempt, .. } if !self.is_ended() => {
                let step =
                    self.attempt(contract, attempt, Move::Release { number: attempt.number }, event)?;
                if attempt.leg == Leg::Do {
                    self.completed.push(step);
                }
                self.after_leg(contract, step, attempt.leg, at);
            }
            Event::Retrying { attempt, at: from } if !self.is_ended() => {
                self.attempt(contract, attempt, Move::Retry { number: attempt.number, from: *from }, event)?;
            }
            Event::Failed { attempt, error, tolerated } if !self.is_ended() => {
                let fail = Move::Fail { number: attempt.number, error: error.clone(), tolerated: *tolerated };
                let step = self.attempt(contract, attempt, fail, event)?;
                self.after_leg(contract, step, attempt.leg, at);
            }
            Event::Parked { attempt } if !self.is_ended() => {
                self.attempt(contract, attempt, Move::Park { number: attempt.number }, event)?;
            }
            Event::Closing { cause } if self.may_close() => self.phase = Phase::Closing(cause.clone()),
            Event::Undoing { steps } => match &self.phase {
                Phase::Closing(cause) if self.in_flight == 0 => {
                    self.phase = Phase::Undoing(cause.clone());
                    let index = |step| contract.index(step);
                    self.undoing = steps.iter().filter_map(index).collect();
                    self.next_undo(at);
                }
                _ => return Err(self.illegal(event)),
            },
            Event::Ended { ending } if self.in_flight == 0 && !self.is_ended() => {
                let cause = match &self.phase {
                    Phase::Closing(cause) | Phase::Undoing(cause) => Some(cause.clone()),
                    _ => None,
                };
                self.phase = Phase::Ended { cause, ending: ending.clone(), at };
                self.reviews.clear();
                self.active.clear();
            }
            _ => return Err(self.illegal(event)),
        }
        Ok(())
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// One leg of one step.
    #[must_use]
    pub fn leg(&self, step: usize, leg: Leg) -> Option<&LegState> {
        let step = self.steps.get(step)?;
        Some(match leg {
            Leg::Do => &step.doing,
            Leg::Undo => &step.undoing,
        })
    }

    /// Every step in the order of the contract.
    #[must_use]
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// Steps done, in the order of completion.
    #[must_use]
    pub fn completed(&self) -> &[usize] {
        &self.completed
    }

    /// The legs that want something, in the order of the contract.
    pub fn active(&self) -> impl Iterator<Item = (usize, Leg)> + '_ {
        self.active.iter().copied()
    }

    /// How many attempts are with agents.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many steps are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }

    fn admit(&mut self, contract: &Contract, at: Timestamp) {
        if self.deadline.is_none() {
            self.deadline = contract.spec().deadline.and_then(|span| at.checked_add(span.duration()).ok());
        }
    }

    fn may_close(&self) -> bool {
        !matches!(self.phase, Phase::Closing(_) | Phase::Undoing(_) | Phase::Ended { .. })
    }

    /// Whether legs of this kind may be offered to agents now.
    pub(crate) fn offers(&self, leg: Leg) -> bool {
        match leg {
            Leg::Do => self.phase == Phase::Running,
            Leg::Undo => matches!(self.phase, Phase::Undoing(_)),
        }
    }

    fn open_review(
        &mut self,
        contract: &Contract,
        event: &Event,
        review: ReviewId,
        about: &About,
    ) -> Result<(), IllegalMove> {
        match about {
            About::Admission if self.phase == Phase::Received => self.phase = Phase::InReview(review),
            About::Admission => return Err(self.illegal(event)),
            About::Step { attempt, .. } | About::Reconciliation { attempt } => {
                self.attempt(contract, attempt, Move::Ask { review }, event)?;
            }
        }
        Ok(())
    }

    fn approve(
        &mut self,
        contract: &Contract,
        event: &Event,
        about: &About,
        at: Timestamp,
    ) -> Result<(), IllegalMove> {
        match about {
            About::Admission => self.phase = Phase::Received,
            About::Step { attempt, .. } | About::Reconciliation { attempt } => {
                self.attempt(contract, attempt, Move::Approve { at }, event)?;
            }
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        contract: &Contract,
        attempt: &Attempt,
        step: Move,
        event: &Event,
    ) -> Result<usize, IllegalMove> {
        let index = self.step_index(contract, &attempt.step, event)?;
        self.step(index, attempt.leg, step, event)?;
        Ok(index)
    }

    /// Moves one leg, and keeps the counters that are derived from legs.
    fn step(&mut self, step: usize, leg: Leg, by: Move, event: &Event) -> Result<(), IllegalMove> {
        let Some(state) = self.steps.get_mut(step) else { return Err(self.illegal(event)) };
        let slot = match leg {
            Leg::Do => &mut state.doing,
            Leg::Undo => &mut state.undoing,
        };
        let Some(after) = slot.after(by) else {
            let what = format!("step {}", step + 1);
            return Err(IllegalMove { event: event.record_type(), what, state: slot.as_str().to_owned() });
        };
        self.in_flight =
            self.in_flight + usize::from(after.is_in_flight()) - usize::from(slot.is_in_flight());
        if leg == Leg::Do && after.is_settled() {
            self.unsettled = self.unsettled.saturating_sub(1);
        }
        let wants =
            matches!(after, LegState::Ready { .. } | LegState::Answered { .. } | LegState::Lost { .. })
                || matches!(after, LegState::Parked { review: None, .. });
        *slot = after;
        if wants {
            self.active.insert((step, leg));
        } else {
            self.active.remove(&(step, leg));
        }
        Ok(())
    }

    /// Counts failures, and who failed; our own interruptions are nobody's failure.
    fn remember_failure(&mut self, contract: &Contract, attempt: &Attempt, reply: &Reply) {
        let failed = match reply {
            Reply::Output { misfits, .. } => !misfits.is_empty(),
            Reply::Failure { .. } | Reply::Unknown { .. } => true,
            Reply::Interrupted => false,
        };
        let state = contract.index(&attempt.step).and_then(|step| self.steps.get_mut(step));
        if let Some(state) = state.filter(|_| failed) {
            let (leg, failures) = match attempt.leg {
                Leg::Do => (&state.doing, &mut state.failures),
                Leg::Undo => (&state.undoing, &mut state.undo_failures),
            };
            *failures = failures.saturating_add(1);
            if let LegState::Dispatched { agent, .. } = leg
                && !state.failed_by.contains(agent)
            {
                state.failed_by.push(*agent);
            }
        }
    }

    /// A leg came to its end: what waited for it may go on.
    fn after_leg(&mut self, contract: &Contract, step: usize, leg: Leg, at: Timestamp) {
        match leg {
            Leg::Do => self.settle(contract, step, at),
            Leg::Undo => self.next_undo(at),
        }
    }

    /// Tells the followers of a settled step; a failure that is not tolerated tells nobody.
    fn settle(&mut self, contract: &Contract, step: usize, at: Timestamp) {
        if matches!(self.leg(step, Leg::Do), Some(LegState::Failed { tolerated: false, .. })) {
            return;
        }
        for &follower in contract.plan().followers(step) {
            if let Some(state) = self.steps.get_mut(follower) {
                state.open_needs = state.open_needs.saturating_sub(1);
            }
            self.wake_if_free(follower, at);
        }
    }

    fn wake_if_free(&mut self, step: usize, at: Timestamp) {
        if let Some(state) = self.steps.get_mut(step).filter(|state| state.open_needs == 0)
            && let Some(ready) = state.doing.after(Move::Wake { at })
        {
            state.doing = ready;
            self.active.insert((step, Leg::Do));
        }
    }

    /// Wakes the next step that is to be undone, one at a time.
    fn next_undo(&mut self, at: Timestamp) {
        for &step in &self.undoing {
            let Some(state) = self.steps.get_mut(step) else { continue };
            if state.undoing.is_settled() {
                continue;
            }
            if let Some(ready) = state.undoing.after(Move::Wake { at }) {
                state.undoing = ready;
                self.active.insert((step, Leg::Undo));
            }
            return;
        }
    }

    fn step_index(&self, contract: &Contract, step: &StepName, event: &Event) -> Result<usize, IllegalMove> {
        contract.index(step).ok_or_else(|| self.illegal(event))
    }

    fn illegal(&self, event: &Event) -> IllegalMove {
        IllegalMove { event: event.record_type(), what: "the run".to_owned(), state: self.phase.to_string() }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Received => "received",
            Phase::InReview(_) => "in_review",
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Closing(_) => "closing",
            Phase::Undoing(_) => "undoing",
            Phase::Ended { .. } => "ended",
        })
    }
}
