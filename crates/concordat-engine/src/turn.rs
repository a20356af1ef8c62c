//! One turn of a run: an input comes in, everything that is due gets done, and events and sends come out.
//!
//! Nothing is stored or sent here. The caller commits the events and only then performs the sends, so that a
//! decision is durable before the first byte goes to an agent. A turn that is thrown away did nothing.

mod answer;
mod offer;
mod release;
mod result;

use std::collections::BTreeSet;
use std::sync::Arc;

use concordat_model::classification::Classification;
use concordat_model::decision::{Answer, Decision};
use concordat_model::digest::{self, Digest, NoCanonicalForm};
use concordat_model::id::{DecisionId, ReviewId, RunId};
use concordat_model::run::due::{Ask, Due, Next};
use concordat_model::run::event::{About, Attempt, Cause, Ending, Event, Failure, Verdict};
use concordat_model::run::leg::LegState;
use concordat_model::run::{Phase, Run};
use concordat_model::trust::{Seen, TrustKey};
use concordat_model::work::{Assignment, Leg};
use concordat_policy::{Asked, Authorized};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::Core;
use crate::error::EngineError;
use crate::gates;
use crate::input::{Input, Reviewed};

/// A turn under way.
pub(crate) struct Turn<'a> {
    core: &'a Core,
    /// The run as it will be, if the turn is committed.
    pub(crate) run: Run,
    /// The time of everything that happens in this turn.
    pub(crate) at: Timestamp,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
    /// Payloads that the events name.
    pub(crate) payloads: Vec<(Digest, Vec<u8>)>,
    /// What is to be sent once the events are durable.
    pub(crate) sends: Vec<Authorized<Assignment>>,
    /// What was seen of agents.
    pub(crate) seen: Vec<(TrustKey, Seen, Attempt)>,
    /// Runs that must be completed before this one starts.
    pub(crate) awaited: BTreeSet<RunId>,
    /// When to look again although no event says so: every agent was busy.
    pub(crate) look_again: Option<Timestamp>,
}

/// How soon a step is offered again when every agent was busy.
const BUSY_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

impl<'a> Turn<'a> {
    pub(crate) fn new(core: &'a Core, run: Run, awaited: BTreeSet<RunId>, at: Timestamp) -> Turn<'a> {
        Turn {
            core,
            run,
            at,
            events: Vec::new(),
            payloads: Vec::new(),
            sends: Vec::new(),
            seen: Vec::new(),
            awaited,
            look_again: None,
        }
    }

    /// The first turn of a run: what was received, who let it in, and what it is about.
    pub(crate) fn opening(
        core: &'a Core,
        run: Run,
        received: Event,
        access: Option<Asked>,
        classification: Classification,
    ) -> Result<Turn<'a>, EngineError> {
        let awaited = run.state.depends_on.iter().copied().collect();
        let at = run.state.received;
        let mut turn = Turn::new(core, run, awaited, at);
        turn.events.push(received);
        if let Some(access) = access {
            turn.decided(access, None)?;
        }
        turn.tell(Event::Classified { classification })?;
        turn.settle()?;
        Ok(turn)
    }

    /// Takes in one input. What follows from it is done by [`Turn::settle`].
    pub(crate) fn take(&mut self, input: Input) -> Result<(), EngineError> {
        match input {
            Input::Woken => Ok(()),
            Input::Arrived { attempt, arrival, latency_ms } => self.arrived(&attempt, arrival, latency_ms),
            Input::Interrupted => self.interrupted(),
            Input::Reviewed(reviewed) => self.reviewed(reviewed),
            Input::Cancelled { by, reason, access } => {
                if matches!(self.run.state.phase, Phase::Closing(_) | Phase::Undoing(_) | Phase::Ended { .. })
                {
                    return Err(EngineError::Conflict(format!(
                        "the run `{}` is stopping already",
                        self.run.id
                    )));
                }
                let decision = access.decision.id;
                self.decided(access, None)?;
                self.tell(Event::Closing {
                    cause: Cause::Cancelled { by: by.name, reason, access: decision },
                })
            }
            Input::DependencyEnded { run, completed } => {
                self.awaited.remove(&run);
                if completed || self.run.state.phase != Phase::Waiting {
                    return Ok(());
                }
                self.tell(Event::Closing { cause: Cause::Dependency { run } })
            }
        }
    }

    /// Does what is due until nothing is.
    pub(crate) fn settle(&mut self) -> Result<(), EngineError> {
        loop {
            let (before, phase) = (self.events.len(), std::mem::discriminant(&self.run.state.phase));
            for due in self.run.due(self.at) {
                self.perform(due)?;
                // The rest of the list was due in another phase.
                if std::mem::discriminant(&self.run.state.phase) != phase {
                    break;
                }
            }
            if self.events.len() == before {
                return Ok(());
            }
        }
    }

    fn perform(&mut self, due: Due) -> Result<(), EngineError> {
        match due {
            Due::Admit => self.admit(),
            Due::StartAfter if self.awaited.is_empty() => self.tell(Event::Started),
            Due::StartAfter => Ok(()),
            Due::Skip { step, because } => {
                let Some(step) = self.run.contract.steps().get(step) else { return Ok(()) };
                let step = step.document.id.clone();
                self.tell(Event::Skipped { step, because })
            }
            Due::Offer(ask) => self.offer(&ask),
            Due::Release(ask) => self.release(&ask),
            Due::Settle(ask) => self.after_loss(&ask),
            Due::Reconcile(ask) => {
                let payload = Digest::of_json(&ask.attempt).map_err(no_form)?;
                self.open_review(About::Reconciliation { attempt: ask.attempt }, None, payload)
            }
            Due::Lapse(review) => {
                let about = self.run.state.reviews.get(&review).map(|open| open.about.clone());
                self.tell(Event::ReviewLapsed { review })?;
                self.refused(review, about, "review-lapsed", "nobody answered the review in time".to_owned())
            }
            Due::Close(cause) => self.tell(Event::Closing { cause }),
            Due::Undo(steps) => self.tell(Event::Undoing { steps }),
            Due::Finish => self.finish(),
            Due::Stop => {
                let (Phase::Closing(cause) | Phase::Undoing(cause)) = &self.run.state.phase else {
                    return Ok(());
                };
                let (undone, not_undone) = self.run.undone(cause);
                self.tell(Event::Ended { ending: Ending::Stopped { undone, not_undone } })
            }
        }
    }

    fn admit(&mut self) -> Result<(), EngineError> {
        let Some(classification) = self.run.state.classification.clone() else { return Ok(()) };
        let input = gates::admit(&self.run, &classification, &self.core.world.read(), self.at);
        let asked = self.core.policy.admit(self.decision_id(), &input);
        let decision = self.decided(asked, None)?;
        match decision.answer {
            Answer::Permit if self.run.state.depends_on.is_empty() => self.tell(Event::Started),
            Answer::Permit => self.tell(Event::Waiting),
            Answer::Review { .. } => {
                self.open_review(About::Admission, Some(decision.id), self.run.contract.digest())
            }
            Answer::Deny { .. } => {
                self.tell(Event::Closing { cause: Cause::Denied { decision: decision.id } })
            }
        }
    }

    fn after_loss(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let Some(LegState::Lost { reply, .. }) = self.run.state.leg(ask.step, ask.attempt.leg) else {
            return Ok(());
        };
        match self.run.after_loss(ask, reply, self.at) {
            Next::Retry { attempt, at } => self.tell(Event::Retrying { attempt, at }),
            Next::Park => self.tell(Event::Parked { attempt: ask.attempt.clone() }),
            Next::Fail { error, tolerated } => self.fail(ask.attempt.clone(), error, tolerated),
        }
    }

    fn reviewed(&mut self, answer: Reviewed) -> Result<(), EngineError> {
        let Reviewed { review, verdict, by, reason, payload, access } = answer;
        let Some(open) = self.run.state.reviews.get(&review) else {
            return Err(EngineError::Conflict(format!("the review `{review}` is not open any more")));
        };
        if open.payload != payload {
            return Err(EngineError::Conflict(format!(
                "the review `{review}` is about another payload: look again"
            )));
        }
        let about = open.about.clone();
        let decision = access.decision.id;
        self.decided(access, None)?;
        let told = format!("{} said no: {reason}", by.name);
        self.tell(Event::ReviewAnswered { review, verdict, by, reason, payload, access: decision })?;
        match verdict {
            Verdict::Approve => Ok(()),
            Verdict::Reject => self.refused(review, Some(about), "review-rejected", told),
        }
    }

    /// People did not say yes: what they were asked about does not go on.
    fn refused(
        &mut self,
        review: ReviewId,
        about: Option<About>,
        code: &str,
        message: String,
    ) -> Result<(), EngineError> {
        match about {
            None => Ok(()),
            Some(About::Admission) => self.tell(Event::Closing { cause: Cause::Rejected { review } }),
            Some(About::Step { attempt, .. } | About::Reconciliation { attempt }) => {
                let tolerated = self.tolerates(&attempt);
                self.fail(attempt, Failure { code: code.to_owned(), message, decision: None }, tolerated)
            }
        }
    }

    fn open_review(
        &mut self,
        about: About,
        decision: Option<DecisionId>,
        payload: Digest,
    ) -> Result<(), EngineError> {
        let review = ReviewId::new(self.core.clock.uuid());
        let expires = self.at.checked_add(self.core.review_expiry.duration()).unwrap_or(Timestamp::MAX);
        self.tell(Event::ReviewOpened { review, about, decision, payload, expires })
    }

    /// A step failed for good; unless that is tolerated, the contract stops.
    fn fail(&mut self, attempt: Attempt, error: Failure, tolerated: bool) -> Result<(), EngineError> {
        let step = attempt.step.clone();
        let ends = attempt.leg == Leg::Do && !tolerated && self.run.state.phase == Phase::Running;
        self.tell(Event::Failed { attempt, error, tolerated })?;
        if !ends {
            return Ok(());
        }
        let on_error = self.run.contract.index(&step).and_then(|at| self.run.contract.steps().get(at));
        let compensate =
            on_error.is_some_and(|step| step.on_error == concordat_model::contract::OnError::Compensate);
        self.tell(Event::Closing { cause: Cause::StepFailed { step, compensate } })
    }

    fn tolerates(&self, attempt: &Attempt) -> bool {
        let step = self.run.contract.index(&attempt.step).and_then(|at| self.run.contract.steps().get(at));
        attempt.leg == Leg::Do
            && step.is_some_and(|step| step.on_error == concordat_model::contract::OnError::Skip)
    }

    /// Records a decision with exactly what was asked.
    fn decided(&mut self, asked: Asked, attempt: Option<Attempt>) -> Result<Decision, EngineError> {
        let Asked { decision, input } = asked;
        self.payloads.push((decision.provenance.input, input.to_vec()));
        self.tell(Event::Decided { decision: Box::new(decision.clone()), attempt })?;
        Ok(decision)
    }

    /// Something happened.
    fn tell(&mut self, event: Event) -> Result<(), EngineError> {
        self.run.apply(&event, self.at)?;
        self.events.push(event);
        Ok(())
    }

    /// Keeps a value as a payload.
    fn put(&mut self, value: Arc<Value>) -> Result<(Digest, u64), EngineError> {
        let bytes = digest::canonical(&*value).map_err(no_form)?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        self.payloads.push((digest, bytes));
        self.run.keep(digest, value);
        Ok((digest, size))
    }

    fn decision_id(&self) -> DecisionId {
        DecisionId::new(self.core.clock.uuid())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`, which gives the error away")]
fn no_form(error: NoCanonicalForm) -> EngineError {
    EngineError::Conflict(error.to_string())
}
