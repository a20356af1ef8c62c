//! One turn of a run: an input comes in, everything that is due gets done, and events and sends come out.
//!
//! Nothing is stored or sent here. The caller commits the events and only then performs the sends, so that a
//! decision is durable before the first byte goes to an agent. A turn that is thrown away did nothing.

mod answer;
mod ask;
mod begin;
mod inquire;
mod nested;
mod offer;
mod order;
mod recall;
mod release;
mod result;
mod room;
mod spread;
mod tell;
mod wait;

pub(crate) use nested::result_of;
pub(crate) use wait::expected_events;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use concordat_model::agree::Contract;
use concordat_model::classification::Classification;
use concordat_model::cloud_event::Expectation;
use concordat_model::contract::OnError;
use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::digest::{self, Digest, NoCanonicalForm};
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::name::StepName;
use concordat_model::payload::{self, Payload};
use concordat_model::run::due::{Ask, Due, Next};
use concordat_model::run::event::{About, Attempt, Cause, Ending, Event, Failure};
use concordat_model::run::leg::LegState;
use concordat_model::run::{Phase, Run};
use concordat_model::trust::{Seen, TrustKey};
use concordat_model::work::{Assignment, Leg};
use concordat_policy::{Asked, Authorized};
use jiff::Timestamp;
use serde_json::Value;

use crate::cache::{CacheKey, Cached};
use crate::core::Core;
use crate::error::EngineError;
use crate::events::Told;
use crate::gates;
use crate::input::{Input, Stop};
use crate::limits::{Place, Slot};
use crate::ports::Forsaken;

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
    pub(crate) payloads: Vec<Payload>,
    /// Those of them that may tell of people: they are kept under the run's secret.
    pub(crate) sealed: Vec<Payload>,
    /// What is to be sent once the events are durable.
    pub(crate) sends: Vec<Sending>,
    /// What was seen of agents.
    pub(crate) seen: Vec<(TrustKey, Seen, Attempt)>,
    /// Runs that must be completed before this one starts.
    pub(crate) awaited: BTreeSet<RunId>,
    /// The first turns of contracts within this one.
    pub(crate) children: Vec<Turn<'a>>,
    /// What contracts within this one are told once the events are durable.
    pub(crate) stops: Vec<(RunId, Stop)>,
    /// The work that agents asked about, and that nobody wants any longer.
    pub(crate) forsaken: Vec<Forsaken>,
    /// The events that steps published.
    pub(crate) published: Vec<(Told, Attempt)>,
    /// Results that may be used again, and for how long.
    pub(crate) fresh: Vec<(CacheKey, Cached)>,
    /// What attempts answered in this turn, by what a later step could ask for again.
    pub(crate) answered: HashMap<Attempt, CacheKey>,
    /// Steps that began to wait for events in this turn.
    pub(crate) listening: Vec<(Attempt, Expectation)>,
    /// The steps that could run and wait for an agent; without a place, they stand where they stood.
    pub(crate) waits: BTreeMap<Attempt, Option<Place>>,
}

/// Permitted work with the room that was taken for it.
pub(crate) struct Sending {
    pub(crate) work: Authorized<Assignment>,
    pub(crate) slot: Slot,
}

/// A run that was just received.
pub(crate) struct Fresh {
    run: Run,
    received: Event,
    contract: Payload,
}

impl Fresh {
    /// A run of a contract, under a secret of its own. `received` makes its first event from the digest of what is
    /// stored of the contract.
    pub(crate) fn run(
        core: &Core,
        id: RunId,
        contract: Contract,
        received: impl FnOnce(&Contract) -> Event,
        at: Timestamp,
    ) -> Result<Fresh, EngineError> {
        let secret = core.secret()?;
        let (contract, stored) = contract.sealed(Some(secret.salt())).map_err(no_form)?;
        let received = received(&contract);
        let mut run = Run::open(id, Arc::new(contract), &received, at)?;
        run.secret = Some(secret);
        Ok(Fresh { run, received, contract: stored })
    }
}

/// A result that is taken over from an earlier run of the same contract.
pub(crate) struct Reused {
    pub(crate) step: StepName,
    pub(crate) agent: Option<AgentId>,
    pub(crate) value: Arc<Value>,
}

/// How soon a step is offered again when policy could not answer.
const PUT_OFF: std::time::Duration = std::time::Duration::from_millis(50);

impl<'a> Turn<'a> {
    pub(crate) fn new(core: &'a Core, run: Run, awaited: BTreeSet<RunId>, at: Timestamp) -> Turn<'a> {
        Turn {
            core,
            run,
            at,
            events: Vec::new(),
            payloads: Vec::new(),
            sealed: Vec::new(),
            sends: Vec::new(),
            seen: Vec::new(),
            children: Vec::new(),
            stops: Vec::new(),
            forsaken: Vec::new(),
            published: Vec::new(),
            fresh: Vec::new(),
            answered: HashMap::new(),
            listening: Vec::new(),
            awaited,
            waits: BTreeMap::new(),
        }
    }

    /// The first turn of a run: what was received, who let it in, and what it is about.
    pub(crate) fn opening(
        core: &'a Core,
        Fresh { run, received, contract }: Fresh,
        access: Option<Asked>,
        classification: Classification,
        reused: Vec<Reused>,
    ) -> Result<Turn<'a>, EngineError> {
        let awaited = run.state.depends_on.iter().copied().collect();
        let at = run.state.received;
        let mut turn = Turn::new(core, run, awaited, at);
        turn.events.push(received);
        turn.sealed.push(contract);
        if let Some(access) = access {
            turn.decided(access, None)?;
        }
        turn.tell(Event::Classified { classification })?;
        for Reused { step, agent, value } in reused {
            let (output, _) = turn.put(value)?;
            turn.tell(Event::Reused { step, agent, output })?;
        }
        turn.settle()?;
        Ok(turn)
    }

    /// Takes in one input. What follows from it is done by [`Turn::settle`].
    pub(crate) fn take(&mut self, input: Input) -> Result<(), EngineError> {
        match input {
            Input::Woken => Ok(()),
            Input::Arrived { attempt, arrival, latency_ms, .. } => {
                self.arrived(&attempt, arrival, latency_ms)
            }
            Input::Interrupted(attempts) => self.interrupted(attempts),
            Input::Reviewed(reviewed) => self.reviewed(reviewed),
            Input::Ordered(order) => self.ordered(order),
            Input::Around { run, at_once } => self.close_around(run, at_once),
            Input::Heard { attempt, told } => self.heard(&attempt, &told),
            Input::Returned(returned) => self.returned(returned),
            Input::DependencyEnded { run, completed } => {
                self.awaited.remove(&run);
                if completed || self.run.state.phase != Phase::Waiting {
                    return Ok(());
                }
                self.close(Cause::Dependency { run })
            }
        }
    }

    /// Does what is due until nothing is.
    pub(crate) fn settle(&mut self) -> Result<(), EngineError> {
        if let Some(limit) = self.run.exceeds().filter(|_| self.run.state.phase == Phase::Running) {
            self.close(Cause::Exceeded { limit })?;
        }
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
                break;
            }
        }
        let run = &self.run;
        self.waits.retain(|attempt, _| run.offers(attempt));
        Ok(())
    }

    fn perform(&mut self, due: Due) -> Result<(), EngineError> {
        match due {
            Due::Admit => self.admit(),
            Due::StartAfter if self.awaited.is_empty() => self.tell(Event::Started),
            Due::StartAfter => Ok(()),
            Due::Skip { step, because } => {
                let Some(step) = self.run.step_id(step) else { return Ok(()) };
                self.tell(Event::Skipped { step, because })
            }
            Due::Begin(ask) => self.begin(&ask),
            Due::Gather(ask) => self.gather(&ask),
            Due::Elapse(ask) => self.elapse(&ask),
            Due::Release(ask) => self.release(&ask),
            Due::Settle(ask) => self.after_loss(&ask),
            Due::Reconcile(ask) => {
                let payload = Digest::of_json(&ask.attempt).map_err(no_form)?;
                self.open_review(About::Reconciliation { attempt: ask.attempt }, None, payload, None)
            }
            Due::Inquire(ask) => self.inquire(&ask),
            Due::Tell(ask) => self.tell_agent(&ask),
            Due::Lapse(review) => self.lapsed(review),
            Due::Close(cause) => self.close(cause),
            Due::FallBack => self.fall_back(),
            Due::Undo(steps) => self.tell(Event::Undoing { steps }),
            Due::Finish => self.finish(),
            Due::Stop => {
                let (Phase::Closing(cause) | Phase::Undoing(cause) | Phase::FallingBack(cause)) =
                    &self.run.state.phase
                else {
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
        let asked = self.core.policies.panel().admit(self.run.id, self.decision_id(), &input);
        let decision = self.decided(asked, None)?;
        match decision.answer {
            Answer::Permit if self.run.state.depends_on.is_empty() => self.tell(Event::Started),
            Answer::Permit => self.tell(Event::Waiting),
            Answer::Review { .. } => {
                self.open_review(About::Admission, Some(decision.id), self.run.contract.digest(), None)
            }
            Answer::Deny { .. } => self.close(Cause::Denied { decision: decision.id }),
        }
    }

    fn after_loss(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let Some(LegState::Lost { reply, .. }) = self.run.state.leg(ask.step, ask.attempt.leg) else {
            return Ok(());
        };
        match self.run.after_loss(ask, reply, self.at) {
            Next::Retry { attempt, at } => self.tell(Event::Retrying { attempt, at }),
            Next::Park => self.tell(Event::Parked { attempt: ask.attempt.clone() }),
            Next::Fail { error, tolerated } => self.failed(ask.attempt.clone(), error, tolerated),
        }
    }

    /// A step failed for good; unless that is tolerated, the contract stops.
    ///
    /// Where the contract says that people decide, they are asked first.
    fn fail(&mut self, attempt: Attempt, error: Failure) -> Result<(), EngineError> {
        let place = self.run.place(&attempt.step);
        let on_error = place.and_then(|place| self.run.step(place)).map(|step| step.on_error);
        let running = attempt.leg == Leg::Do && self.run.state.phase == Phase::Running;
        if running && on_error == Some(OnError::Review) && self.may_park(&attempt) {
            tracing::info!(run = %self.run.id, step = %attempt.step, "people decide: {}", error.message);
            return self.tell(Event::Parked { attempt });
        }
        let tolerated = attempt.leg == Leg::Do && place.is_some_and(|place| self.run.tolerates(place));
        self.failed(attempt, error, tolerated)
    }

    fn failed(&mut self, attempt: Attempt, error: Failure, tolerated: bool) -> Result<(), EngineError> {
        let step = attempt.step.clone();
        let ends = attempt.leg == Leg::Do && !tolerated && self.run.state.phase == Phase::Running;
        self.tell(Event::Failed { attempt, error, tolerated })?;
        if !ends {
            return Ok(());
        }
        let place = self.run.place(&step).and_then(|place| self.run.step(place));
        let compensate = place.is_some_and(|step| step.on_error == OnError::Compensate);
        self.close(Cause::StepFailed { step, compensate })
    }

    /// Whether the attempt stands where people can still be asked about it.
    fn may_park(&self, attempt: &Attempt) -> bool {
        let leg = self.run.place(&attempt.step).and_then(|place| self.run.state.leg(place, attempt.leg));
        matches!(
            leg,
            Some(
                LegState::Ready { .. }
                    | LegState::Lost { .. }
                    | LegState::Listening { .. }
                    | LegState::Answered { .. }
                    | LegState::Telling { review: None, .. }
                    | LegState::Delegated { .. }
            )
        )
    }

    /// Nothing new begins from here on; contracts within this one stop as well.
    fn close(&mut self, cause: Cause) -> Result<(), EngineError> {
        let at_once = cause.is_at_once();
        let stop = Stop { run: self.run.id, at_once };
        self.stops.extend(self.run.state.lent.keys().map(|child| (*child, stop)));
        self.tell(Event::Closing { cause })
    }

    /// A step that no agent does has its result, if that is what the contract says it must be.
    fn conclude(&mut self, attempt: Attempt, output: Value) -> Result<(), EngineError> {
        let step = self.run.place(&attempt.step).and_then(|place| self.run.step(place));
        // The schema is about one item's result, not about the list of them.
        let whole = attempt.step.item.is_none();
        let schema = step
            .filter(|step| step.document.for_each.is_none() || !whole)
            .and_then(|step| step.output.as_ref());
        if let Some(misfit) = schema.and_then(|schema| schema.misfits(&output).into_iter().next()) {
            let message = format!("the result does not fit: {misfit}");
            let error = Failure { code: "output-misfit".to_owned(), message, decision: None };
            return self.fail(attempt, error);
        }
        let (output, _) = self.put(Arc::new(output))?;
        self.tell(Event::Concluded { attempt, output })
    }

    /// Records a decision with exactly what was asked.
    fn decided(&mut self, asked: Asked, attempt: Option<Attempt>) -> Result<Decision, EngineError> {
        let named = asked.payloads();
        if asked.decision.gate == Gate::Access {
            self.payloads.extend(named);
        } else {
            self.sealed.extend(named);
        }
        let decision = asked.decision;
        self.tell(Event::Decided { decision: Box::new(decision.clone()), attempt })?;
        Ok(decision)
    }

    /// Something happened.
    fn tell(&mut self, event: Event) -> Result<(), EngineError> {
        let forsaken = self.forsakes(&event);
        self.run.apply(&event, self.at)?;
        self.forsaken.extend(forsaken);
        self.events.push(event);
        Ok(())
    }

    /// Keeps a value as a payload.
    fn put(&mut self, value: Arc<Value>) -> Result<(Digest, u64), EngineError> {
        let form = digest::canonical(&*value).map_err(no_form)?;
        let size = form.len();
        let (digest, stored) = payload::payload(form, self.run.salt());
        self.sealed.push((digest, stored));
        self.run.keep(digest, value, size);
        Ok((digest, size as u64))
    }

    fn decision_id(&self) -> DecisionId {
        DecisionId::new(self.core.clock.uuid())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`, which gives the error away")]
fn no_form(error: NoCanonicalForm) -> EngineError {
    EngineError::Conflict(error.to_string())
}
