//! The fold over a run's events: the transition table of runs. That of legs is in `leg`.

use jiff::Timestamp;

use crate::agree::Contract;
use crate::contract::FailureKind;
use crate::digest::Digest;
use crate::id::ReviewId;
use crate::run::event::{About, Event, Reply, Verdict};
use crate::run::leg::{LegState, Move};
use crate::run::state::{Approval, IllegalMove, Items, Loan, OpenReview, Pause, Phase, RunState, StepState};
use crate::work::{Attempt, Leg};

impl RunState {
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
            Event::Reused { step, agent, output } if self.phase == Phase::Received => {
                let step = contract.index(step).ok_or_else(|| self.illegal(event))?;
                self.step(step, Leg::Do, Move::Reuse { agent: *agent, output: *output }, event)?;
                self.done(contract, step, at);
            }
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
                let step = self.place(contract, step).ok_or_else(|| self.illegal(event))?;
                self.step(step, Leg::Do, Move::Skip { because: *because }, event)?;
                self.settle(contract, step, at);
            }
            Event::Spread { step, items, count } if self.phase == Phase::Running => {
                let step = contract.index(step).ok_or_else(|| self.illegal(event))?;
                self.step(step, Leg::Do, Move::Spread, event)?;
                self.spread(contract, step, *items, *count, at);
            }
            Event::Listening { attempt, expectation, until } if self.phase == Phase::Running => {
                let (number, expectation) = (attempt.number, *expectation);
                self.attempt(
                    contract,
                    attempt,
                    Move::Listen { number, at, until: *until, expectation },
                    event,
                )?;
            }
            Event::Heard { attempt, heard, content, at } if !self.is_ended() => {
                let hear = Move::Hear { number: attempt.number, at: *at, heard: *heard, content: *content };
                self.attempt(contract, attempt, hear, event)?;
            }
            Event::Concluded { attempt, output } if !self.is_ended() => {
                let conclude = Move::Conclude { number: attempt.number, output: *output };
                let step = self.attempt(contract, attempt, conclude, event)?;
                self.done(contract, step, at);
            }
            Event::Delegated { attempt, run, allotted, .. } if self.offers(attempt.leg) => {
                let delegate = Move::Delegate { number: attempt.number, run: *run, at };
                self.attempt(contract, attempt, delegate, event)?;
                self.lent.insert(*run, Loan { step: Some(attempt.clone()), allotted: allotted.clone() });
            }
            Event::FellBack { run, allotted } => match &self.phase {
                Phase::Closing(cause) | Phase::Undoing(cause) if self.in_flight == 0 => {
                    self.phase = Phase::FallingBack(cause.clone());
                    self.lent.insert(*run, Loan { step: None, allotted: allotted.clone() });
                }
                _ => return Err(self.illegal(event)),
            },
            Event::Returned { run, used } if self.lent.remove(run).is_some() => {
                self.calls = self.calls.saturating_add(used.calls.unwrap_or(0));
                for (currency, micros) in &used.cost {
                    *self.spent.entry(currency.clone()).or_default() += micros;
                }
            }
            Event::Recalled { attempt, agent, output, .. } if self.offers(attempt.leg) => {
                let recall = Move::Recall { number: attempt.number, agent: *agent, output: *output };
                self.attempt(contract, attempt, recall, event)?;
            }
            Event::Dispatched { attempt, agent, revision, params, cost, instance, .. }
                if self.offers(attempt.leg) =>
            {
                let (number, agent, revision, params) = (attempt.number, *agent, *revision, *params);
                let go = Move::Dispatch { number, agent, revision, params, at };
                let step = self.attempt(contract, attempt, go, event)?;
                if let Some(state) = self.steps.get_mut(step) {
                    state.left_at = instance.clone().map(|instance| (agent, instance));
                }
                self.calls = self.calls.saturating_add(1);
                if let Some(cost) = cost {
                    *self.spent.entry(cost.currency().to_owned()).or_default() += cost.micros();
                }
            }
            Event::Asked { attempt, question, task, .. } if self.offers(attempt.leg) => {
                let inquire =
                    Move::Inquire { number: attempt.number, question: *question, task: task.clone() };
                self.attempt(contract, attempt, inquire, event)?;
            }
            Event::Told { attempt, .. } if self.offers(attempt.leg) => {
                self.attempt(contract, attempt, Move::Tell { number: attempt.number, at }, event)?;
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
                match attempt.leg {
                    Leg::Do => self.done(contract, step, at),
                    Leg::Undo => self.next_undo(at),
                }
            }
            Event::Retrying { attempt, at: from } if !self.is_ended() => {
                self.attempt(contract, attempt, Move::Retry { number: attempt.number, from: *from }, event)?;
            }
            Event::Failed { attempt, error, tolerated } if !self.is_ended() => {
                let fail = Move::Fail { number: attempt.number, error: error.clone(), tolerated: *tolerated };
                let step = self.attempt(contract, attempt, fail, event)?;
                match attempt.leg {
                    Leg::Do if *tolerated => self.settle(contract, step, at),
                    // A failure that is not tolerated tells nobody: the run stops.
                    Leg::Do => {}
                    Leg::Undo => self.next_undo(at),
                }
            }
            Event::Parked { attempt } if !self.is_ended() => {
                self.attempt(contract, attempt, Move::Park { number: attempt.number }, event)?;
            }
            Event::Paused { by, reason, .. } if self.paused.is_none() && !self.is_ended() => {
                self.paused = Some(Pause { since: at, by: by.clone(), reason: reason.clone() });
            }
            Event::Resumed { .. } if self.paused.is_some() && !self.is_ended() => self.paused = None,
            Event::Extended { deadline, .. } if self.deadline.is_some() && self.may_close() => {
                self.deadline = Some(*deadline);
            }
            Event::Closing { cause } if self.may_close() || (cause.is_at_once() && !self.is_ended()) => {
                self.phase = Phase::Closing(cause.clone());
                // Stopping goes on by itself.
                self.paused = None;
            }
            Event::Undoing { steps } => match &self.phase {
                Phase::Closing(cause) if self.in_flight == 0 && self.lent.is_empty() => {
                    self.phase = Phase::Undoing(cause.clone());
                    self.to_undo = steps.iter().rev().filter_map(|step| self.place(contract, step)).collect();
                    self.next_undo(at);
                }
                _ => return Err(self.illegal(event)),
            },
            Event::Ended { ending } if self.may_end() => {
                let cause = match &self.phase {
                    Phase::Closing(cause) | Phase::Undoing(cause) | Phase::FallingBack(cause) => {
                        Some(cause.clone())
                    }
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

    fn admit(&mut self, contract: &Contract, at: Timestamp) {
        if self.deadline.is_none() {
            self.deadline = contract.spec().deadline.and_then(|span| at.checked_add(span.duration()).ok());
        }
    }

    fn may_close(&self) -> bool {
        !matches!(self.phase, Phase::Closing(_) | Phase::Undoing(_) | Phase::Ended { .. })
    }

    /// Nothing may be out when a run ends, unless somebody ended it at once.
    fn may_end(&self) -> bool {
        let killed = matches!(&self.phase, Phase::Closing(cause) if cause.is_at_once());
        !self.is_ended() && (killed || (self.in_flight == 0 && self.lent.is_empty()))
    }

    /// Whether legs of this kind may be offered to agents now.
    #[must_use]
    pub fn offers(&self, leg: Leg) -> bool {
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
            About::Step { attempt, .. }
            | About::Reconciliation { attempt }
            | About::Question { attempt }
            | About::Asked { attempt } => {
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
            // The answer is the step's result, which comes as an event of its own.
            About::Question { .. } => {}
            About::Asked { attempt } => {
                let Event::ReviewAnswered { answer: Some(answer), .. } = event else {
                    return Err(self.illegal(event));
                };
                self.attempt(contract, attempt, Move::Answer { answer: *answer, at }, event)?;
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
        let index = self.place(contract, &attempt.step).ok_or_else(|| self.illegal(event))?;
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
            return Err(IllegalMove::new(event, format!("step {}", step + 1), &slot.as_str()));
        };
        self.in_flight =
            self.in_flight + usize::from(after.is_in_flight()) - usize::from(slot.is_in_flight());
        if after.is_settled() {
            let open = if leg == Leg::Do { &mut self.unsettled } else { &mut self.undoing };
            *open = open.saturating_sub(1);
        }
        let wants = matches!(
            after,
            LegState::Ready { .. }
                | LegState::Answered { .. }
                | LegState::Lost { .. }
                | LegState::Listening { .. }
                | LegState::Parked { review: None, .. }
                | LegState::Asking { review: None, .. }
                | LegState::Telling { review: None, .. }
        );
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
        let place = self.place(contract, &attempt.step);
        let mut state = place.and_then(|step| self.steps.get_mut(step));
        if let (Some(state), Reply::Failure { failure, .. }) = (&mut state, reply)
            && *failure != FailureKind::Malformed
        {
            // It is certain that nothing was done there.
            state.left_at = None;
        }
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

    /// A step was done: it may have to be undone, and what waited for it may go on.
    fn done(&mut self, contract: &Contract, step: usize, at: Timestamp) {
        self.completed.push(step);
        self.settle(contract, step, at);
    }

    /// Tells whoever waits for a settled step.
    fn settle(&mut self, contract: &Contract, step: usize, at: Timestamp) {
        let Some(state) = self.steps.get(step) else { return };
        let failed = u32::from(matches!(state.doing, LegState::Failed { .. }));
        if state.item.is_some() {
            return self.settle_item(state.written, failed, at);
        }
        for &follower in contract.plan().followers(step) {
            if let Some(state) = self.steps.get_mut(follower) {
                state.open_needs = state.open_needs.saturating_sub(1);
                state.failed_needs += failed;
            }
            self.wake_if_free(follower, at);
        }
    }

    /// One item of a step is settled: the next one may begin, or all are through.
    fn settle_item(&mut self, step: usize, failed: u32, at: Timestamp) {
        let Some(items) = self.steps.get_mut(step).and_then(|state| state.items.as_mut()) else { return };
        items.open = items.open.saturating_sub(1);
        items.failed += failed;
        if items.open == 0 {
            self.active.insert((step, Leg::Do));
        } else {
            self.wake_items(step, 1, at);
        }
    }

    /// Makes a step's items steps of their own, and wakes as many as may be worked on at a time.
    fn spread(&mut self, contract: &Contract, step: usize, list: Digest, count: u32, at: Timestamp) {
        let (first, length) = (self.steps.len(), usize::try_from(count).unwrap_or(0));
        self.steps.extend((0..count).map(|item| StepState::waiting(step, Some(item), 0)));
        self.unsettled += length;
        if let Some(state) = self.steps.get_mut(step) {
            state.items = Some(Items { list, first, count: length, open: length, failed: 0, woken: 0 });
        }
        if length == 0 {
            self.active.insert((step, Leg::Do));
        }
        let parallel = contract.steps().get(step).and_then(|step| step.document.max_parallel);
        let most = parallel.and_then(|most| usize::try_from(most).ok()).unwrap_or(length);
        self.wake_items(step, most, at);
    }

    fn wake_items(&mut self, step: usize, most: usize, at: Timestamp) {
        for _ in 0..most {
            let Some(items) = self.steps.get_mut(step).and_then(|state| state.items.as_mut()) else { return };
            if items.woken >= items.count {
                return;
            }
            let next = items.first + items.woken;
            items.woken += 1;
            self.wake_if_free(next, at);
        }
    }

    fn wake_if_free(&mut self, step: usize, at: Timestamp) {
        // What an earlier run did is taken over before the run starts, and starting wakes whatever is free.
        if self.phase == Phase::Received {
            return;
        }
        if let Some(state) = self.steps.get_mut(step).filter(|state| state.open_needs == 0)
            && let Some(ready) = state.doing.after(Move::Wake { at })
        {
            state.doing = ready;
            self.active.insert((step, Leg::Do));
        }
    }

    /// Wakes the next step that is to be undone, one at a time.
    fn next_undo(&mut self, at: Timestamp) {
        while let Some(step) = self.to_undo.pop() {
            let Some(state) = self.steps.get_mut(step) else { continue };
            if let Some(ready) = state.undoing.after(Move::Wake { at }) {
                state.undoing = ready;
                self.active.insert((step, Leg::Undo));
                self.undoing += 1;
                return;
            }
        }
    }

    fn illegal(&self, event: &Event) -> IllegalMove {
        IllegalMove::new(event, "the run".to_owned(), &self.phase)
    }
}
