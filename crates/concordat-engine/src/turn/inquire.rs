//! What an agent asks before it goes on: put before people as data, never as an instruction, and what they say to it.
//!
//! ```text
//! dispatched ─► asking ─► (a person answers) ─► telling ─► (dispatch gate) ─► dispatched
//!                 └─► refused, lapsed, or the run stops: the step ends, and the agent is told to stop
//! ```
//!
//! That an agent asks is no failure, and no evidence. One that asks for ever is one. How it is told is in `tell`.

use std::sync::Arc;

use concordat_model::contract::FailureKind;
use concordat_model::digest;
use concordat_model::id::{AgentId, ReviewId};
use concordat_model::problem::{Problem, Problems};
use concordat_model::run::due::Ask;
use concordat_model::run::event::{About, Attempt, Event, Reply, Verdict};
use concordat_model::run::leg::{LegState, MOST_QUESTIONS};
use concordat_model::trust::Seen;
use concordat_model::work::{Leg, RemoteTask};
use serde_json::{Value, json};

use super::{Turn, no_form};
use crate::core::Core;
use crate::error::EngineError;
use crate::ports::Forsaken;

/// The largest answer to an agent, in bytes of its canonical form.
const MOST_ANSWER: usize = 16 * 1024;

/// What an agent asks about an attempt that it has.
pub(super) struct Asking {
    pub(super) question: Value,
    pub(super) task: RemoteTask,
    pub(super) latency_ms: u64,
}

impl Turn<'_> {
    /// An agent asks something; `at` is the step's place.
    pub(super) fn asked(
        &mut self,
        attempt: &Attempt,
        (at, agent): (usize, AgentId),
        asking: Asking,
    ) -> Result<(), EngineError> {
        let Asking { question, task, latency_ms } = asking;
        let before = match self.run.state.leg(at, attempt.leg) {
            Some(LegState::Dispatched { told: Some(told), .. }) => told.nth,
            _ => 0,
        };
        let (code, message, seen) = if before >= MOST_QUESTIONS {
            let message = format!("the agent asks more than {MOST_QUESTIONS} questions about one try");
            ("agent-asks-too-often", message, Seen::Failed)
        } else if !self.run.state.offers(attempt.leg) {
            let message = "the agent asks something, and the run stops".to_owned();
            ("agent-input-required", message, Seen::BadRequest)
        } else {
            let name =
                self.core.world.read().registry.agent(agent).map(|known| known.registration.name.clone());
            let shown = json!({"agent": name, "number": before + 1, "question": question});
            let (question, _) = self.put(Arc::new(shown))?;
            return self.tell(Event::Asked { attempt: attempt.clone(), question, task, latency_ms });
        };
        self.see(at, attempt, agent, seen);
        let instance = self.run.state.steps().get(at).and_then(|step| step.left_at(agent));
        let world = self.core.world.read();
        self.forsaken.extend(world.registry.agent(agent).map(|agent| Forsaken::of(agent, instance, task)));
        drop(world);
        let code = code.to_owned();
        let reply = Reply::Failure { failure: FailureKind::Failed, code, message, retry_after_ms: None };
        self.tell(Event::Answered { attempt: attempt.clone(), reply, latency_ms })
    }

    /// People are asked what the agent is to be told: they see exactly what it asks.
    pub(super) fn inquire(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let Some(LegState::Asking { inquiry, .. }) = self.run.state.leg(ask.step, ask.attempt.leg) else {
            return Ok(());
        };
        let payload = inquiry.question;
        self.open_review(About::Asked { attempt: ask.attempt.clone() }, None, payload, None)
    }

    /// What an agent is to be told, if this is an answer to one, and one that can be told.
    pub(super) fn told(
        &self,
        review: ReviewId,
        about: &About,
        verdict: Verdict,
        answer: Option<Value>,
    ) -> Result<Option<Value>, EngineError> {
        let wrong = |code: &str, message: String| {
            Err(EngineError::Invalid(Problems::from(Problem::new(code, "/answer", message))))
        };
        match (about, verdict, answer) {
            (About::Asked { attempt }, Verdict::Approve, _) if !self.run.state.offers(attempt.leg) => Err(
                EngineError::Conflict("the run stops: nobody waits for this answer any longer".to_owned()),
            ),
            (About::Asked { .. }, Verdict::Approve, Some(answer)) => {
                let size = digest::canonical(&answer).map_err(no_form)?.len();
                if size > MOST_ANSWER {
                    let message = format!("an answer has at most {MOST_ANSWER} bytes, this one has {size}");
                    return wrong("answer-size", message);
                }
                Ok(Some(answer))
            }
            (About::Asked { .. }, Verdict::Approve, None) => {
                wrong("answer-missing", format!("in `{review}` an agent asks: say what it is to be told"))
            }
            (_, _, Some(_)) => {
                let message = format!("nobody is told an answer by this verdict on `{review}`: leave it out");
                wrong("answer-unasked", message)
            }
            (_, _, None) => Ok(None),
        }
    }

    /// The work that agents asked about and that nobody wants any longer, once this has happened.
    pub(super) fn forsakes(&self, event: &Event) -> Vec<Forsaken> {
        match event {
            Event::Failed { attempt, .. } | Event::Parked { attempt } => {
                let place = self.run.place(&attempt.step);
                place.and_then(|place| self.asked_at(place, attempt.leg)).into_iter().collect()
            }
            Event::Closing { .. } => {
                let places = 0..self.run.state.steps().len();
                let legs = places.flat_map(|place| [Leg::Do, Leg::Undo].map(|leg| (place, leg)));
                legs.filter_map(|(place, leg)| self.asked_at(place, leg)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The work of a leg whose agent waits for an answer.
    fn asked_at(&self, place: usize, leg: Leg) -> Option<Forsaken> {
        let (LegState::Asking { inquiry, .. } | LegState::Telling { inquiry, .. }) =
            self.run.state.leg(place, leg)?
        else {
            return None;
        };
        let world = self.core.world.read();
        // Another revision may be somebody else at another address.
        let agent = world.registry.agent(inquiry.agent).filter(|agent| agent.revision == inquiry.revision)?;
        let instance = self.run.state.steps().get(place)?.left_at(agent.id);
        Some(Forsaken::of(agent, instance, inquiry.task.clone()))
    }
}

impl Core {
    /// Tells agents that nobody wants their work any longer. They may not hear it, and the run does not wait for that.
    pub(crate) fn forsake(self: &Arc<Core>, forsaken: Vec<Forsaken>) {
        for one in forsaken {
            let core = self.clone();
            tokio::spawn(async move {
                if let Ok(known) = core.known_by(one.agent).await {
                    core.transport.call_off(Forsaken { known, ..one }).await;
                }
            });
        }
    }
}
