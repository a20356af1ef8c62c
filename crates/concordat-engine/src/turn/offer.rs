//! Offering a step: parameters, the dispatch gate, and the choice inside what it permits.

use std::sync::Arc;

use concordat_model::agree::Step;
use concordat_model::contract::Compensation;
use concordat_model::decision::{Answer, Gate};
use concordat_model::digest::Digest;
use concordat_model::name::SkillName;
use concordat_model::reference::resolve;
use concordat_model::run::due::Ask;
use concordat_model::run::event::{About, Draw, Event, Failure};
use concordat_model::work::{Leg, Work};
use concordat_policy::input::DispatchInput;
use concordat_policy::{Chosen, Refusal, choose};
use serde_json::Value;

use super::{BUSY_PAUSE, Turn};
use crate::error::EngineError;
use crate::gates;

impl Turn<'_> {
    pub(super) fn offer(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let contract = self.run.contract.clone();
        let place = self.run.state.steps().get(ask.step).map(|step| step.written);
        let Some(step) = place.and_then(|place| contract.steps().get(place)) else { return Ok(()) };
        let Some((skill, with)) = wanted(step, ask) else { return Ok(()) };
        let params = match self.params(ask, step, &with) {
            Ok(params) => params,
            Err(error) => return self.fail(ask.attempt.clone(), error),
        };
        let params = Arc::new(params);
        let (params_digest, _) = self.put(params.clone())?;
        let work = Work {
            run: self.run.id,
            attempt: ask.attempt.clone(),
            skill,
            params,
            params_digest,
            timeout: step.timeout,
        };
        let told = gates::dispatch(&self.run, ask.step, &work, &self.core.world.read(), self.at);
        let Some((input, agents)) = told else { return Ok(()) };
        if all_busy(&input) {
            let soon = self.at.checked_add(BUSY_PAUSE).unwrap_or(self.at);
            self.look_again = Some(self.look_again.map_or(soon, |at| at.min(soon)));
            return Ok(());
        }
        match self.core.policy.dispatch(self.decision_id(), &input, work, &agents) {
            Ok(permitted) => {
                let seed =
                    Digest::of(format!("{}/{}", self.run.id, permitted.asked().decision.id).as_bytes());
                self.send(ask, choose(permitted, *seed.bytes()))
            }
            Err(refusal) => self.not_permitted(ask, refusal, params_digest),
        }
    }

    fn params(&self, ask: &Ask, step: &Step, with: &Value) -> Result<Value, Failure> {
        let params = self.resolved(ask, with)?;
        let schema = step.input.as_ref().filter(|_| ask.attempt.leg == Leg::Do);
        match schema.and_then(|schema| schema.misfits(&params).into_iter().next()) {
            Some(misfit) => {
                let message = format!("what the agent would be given does not fit: {misfit}");
                Err(Failure { code: "params-misfit".to_owned(), message, decision: None })
            }
            None => Ok(params),
        }
    }

    /// A template with every reference replaced by what it leads to.
    pub(super) fn resolved(&self, ask: &Ask, template: &Value) -> Result<Value, Failure> {
        resolve(template, &|source| self.run.source(source, ask.step)).map_err(|lost| Failure {
            code: "reference-unresolved".to_owned(),
            message: lost.to_string(),
            decision: None,
        })
    }

    /// The choice was made: it is recorded now, and sent once the record is durable.
    fn send(&mut self, ask: &Ask, chosen: Chosen) -> Result<(), EngineError> {
        let Chosen { assignment, draws, asked } = chosen;
        self.decided(asked, Some(ask.attempt.clone()))?;
        if self.recall(ask, &assignment)? {
            return Ok(());
        }
        let cost = {
            let world = self.core.world.read();
            world.registry.agent(assignment.get().agent).and_then(|agent| agent.registration.cost)
        };
        let given = assignment.get();
        let event = Event::Dispatched {
            attempt: ask.attempt.clone(),
            agent: given.agent,
            agent_name: given.agent_name.clone(),
            revision: given.revision,
            skill: given.work.skill.clone(),
            decision: assignment.decision(),
            params: given.work.params_digest,
            draws: draws.into_iter().map(|(agent, drawn)| Draw { agent, drawn }).collect(),
            cost,
        };
        self.tell(event)?;
        self.sends.push(assignment);
        Ok(())
    }

    fn not_permitted(&mut self, ask: &Ask, refusal: Refusal, params: Digest) -> Result<(), EngineError> {
        let again = refusal.asked.retryable() && !self.asked_before(ask);
        let decision = self.decided(refusal.asked, Some(ask.attempt.clone()))?;
        match &decision.answer {
            Answer::Review { .. } => {
                let about = About::Step { gate: Gate::Dispatch, attempt: ask.attempt.clone() };
                self.open_review(about, Some(decision.id), params, None)
            }
            _ if again => {
                let at = self.at.checked_add(BUSY_PAUSE).unwrap_or(self.at);
                self.tell(Event::Retrying { attempt: ask.attempt.clone(), at })
            }
            Answer::Permit | Answer::Deny { .. } => self.fail(ask.attempt.clone(), refused(&decision)),
        }
    }

    /// Whether this very attempt was put off already: a gate that could not answer is asked twice, not for ever.
    fn asked_before(&self, ask: &Ask) -> bool {
        use concordat_model::run::leg::LegState;
        let leg = self.run.state.leg(ask.step, ask.attempt.leg);
        matches!(leg, Some(LegState::Ready { put_off: true, .. }))
    }
}

/// What policy's refusal means for the step.
pub(super) fn refused(decision: &concordat_model::decision::Decision) -> Failure {
    let reasons = decision.answer.reasons();
    let message: Vec<&str> = reasons.iter().map(|reason| reason.message.as_str()).collect();
    Failure {
        code: "policy-denied".to_owned(),
        message: format!("policy does not permit it: {}", message.join("; ")),
        decision: Some(decision.id),
    }
}

/// The skill and the template of what the agent is given.
fn wanted(step: &Step, ask: &Ask) -> Option<(SkillName, Value)> {
    match ask.attempt.leg {
        Leg::Do => Some((step.kind.skill()?.clone(), Value::Object(step.document.with.clone()))),
        Leg::Undo => {
            let Compensation { skill, with } = step.document.compensate.as_ref()?;
            Some((skill.clone(), Value::Object(with.clone())))
        }
    }
}

/// Whether there are agents, and each of them has as much as it takes.
fn all_busy(input: &DispatchInput) -> bool {
    !input.candidates.is_empty() && input.candidates.iter().all(|one| one.in_flight >= one.concurrency)
}
