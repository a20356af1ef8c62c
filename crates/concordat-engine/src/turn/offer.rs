//! Offering a step: room for its call, parameters, the dispatch gate, and the choice inside what it permits.

use std::sync::Arc;

use concordat_model::agree::Step;
use concordat_model::contract::Compensation;
use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::digest::{self, Digest};
use concordat_model::name::SkillName;
use concordat_model::payload::{self, Payload, Salt};
use concordat_model::reference::resolve;
use concordat_model::run::due::Ask;
use concordat_model::run::event::{About, Draw, Event, Failure};
use concordat_model::span::Span;
use concordat_model::work::{Leg, Work};
use concordat_policy::{Chosen, Refusal, choose};
use jiff::Timestamp;
use serde_json::Value;

use super::room::Offered;
use super::{PUT_OFF, Sending, Turn, no_form, tell};
use crate::error::EngineError;
use crate::gates;
use crate::limits::Slot;

/// What an agent would be given, as it is stored once somebody was asked about it.
pub(super) struct Params {
    value: Arc<Value>,
    size: usize,
    stored: Payload,
}

impl Turn<'_> {
    pub(super) fn offer(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let contract = self.run.contract.clone();
        let place = self.run.state.steps().get(ask.step).map(|step| step.written);
        let Some(step) = place.and_then(|place| contract.steps().get(place)) else { return Ok(()) };
        let Some((skill, with)) = wanted(step, ask) else { return Ok(()) };
        let Some(offered) = self.comes_forward(ask, &skill) else { return Ok(()) };
        let params = match self.params(ask, step, &with) {
            Ok(value) => Params::of(value, self.run.salt())?,
            Err(error) => return self.fail(ask.attempt.clone(), error),
        };
        let work = Work {
            run: self.run.id,
            attempt: ask.attempt.clone(),
            skill,
            params: params.value.clone(),
            params_digest: params.stored.0,
            timeout: self.time_for(ask, step),
            telling: None,
        };
        self.put_before(ask, offered, work, Some(params))
    }

    /// Puts work before the dispatch gate, if there is room for it, and does what the gate says. Parameters that are
    /// new are kept once a decision names them.
    pub(super) fn put_before(
        &mut self,
        ask: &Ask,
        offered: Offered,
        work: Work,
        new: Option<Params>,
    ) -> Result<(), EngineError> {
        let told = {
            let world = self.core.world.read();
            let loads = |agents: &[_]| self.core.limits.loads(agents, &offered.wish, self.at);
            gates::dispatch(&self.run, ask.step, &work, &world, offered.wish.retry, &loads, self.at)
        };
        let Some((mut input, agents)) = told else { return Ok(()) };
        if work.telling.is_some() {
            tell::is_paid(&mut input, agents.first().map(Arc::as_ref));
        }
        if let Some(agents) = self.has_to_wait(&offered, &input) {
            self.wait_for(offered, agents, false);
            return Ok(());
        }
        let params = work.params_digest;
        match self.core.policies.panel().dispatch(self.decision_id(), &input, work, &agents) {
            Ok(permitted) => {
                let seed =
                    Digest::of(format!("{}/{}", self.run.id, permitted.asked().decision.id).as_bytes());
                let chosen = choose(permitted, *seed.bytes());
                let given = chosen.assignment.get();
                let instance = given.instance.as_deref();
                match self.core.limits.take(&offered.wish, given.agent, instance, self.at) {
                    Some(slot) => {
                        self.keep(new);
                        self.send(ask, chosen, slot)
                    }
                    // Somebody else was faster. Nothing was told or sent, so nothing was decided.
                    None => {
                        let permitted = chosen.asked.decision.permitted;
                        self.wait_for(offered, permitted, false);
                        Ok(())
                    }
                }
            }
            Err(refusal) => {
                self.keep(new);
                self.not_permitted(ask, offered, refusal, params)
            }
        }
    }

    /// How long an agent may take: as long as the step says, and no longer than the contract has left.
    pub(super) fn time_for(&self, ask: &Ask, step: &Step) -> Span {
        let deadline = self.run.state.deadline.filter(|_| ask.attempt.leg == Leg::Do);
        let left = deadline.map(|deadline| deadline.as_millisecond() - self.at.as_millisecond());
        let left = left.map(|left| Span::millis_within(u64::try_from(left).unwrap_or(0)));
        left.map_or(step.timeout, |left| left.min(step.timeout))
    }

    /// Keeps what an agent would be given, now that a decision names it.
    fn keep(&mut self, params: Option<Params>) {
        let Some(Params { value, size, stored }) = params else { return };
        self.run.keep(stored.0, value, size);
        self.sealed.push(stored);
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
    fn send(&mut self, ask: &Ask, chosen: Chosen, slot: Slot) -> Result<(), EngineError> {
        let Chosen { assignment, draws, asked } = chosen;
        self.decided(asked, Some(ask.attempt.clone()))?;
        if let Some(telling) = &assignment.get().work.telling {
            let event = Event::Told {
                attempt: ask.attempt.clone(),
                agent: assignment.get().agent,
                decision: assignment.decision(),
                answer: telling.digest,
            };
            self.tell(event)?;
            self.sends.push(Sending { work: assignment, slot });
            return Ok(());
        }
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
            instance: given.instance.clone(),
        };
        self.tell(event)?;
        self.sends.push(Sending { work: assignment, slot });
        Ok(())
    }

    fn not_permitted(
        &mut self,
        ask: &Ask,
        offered: Offered,
        refusal: Refusal,
        params: Digest,
    ) -> Result<(), EngineError> {
        let again = refusal.asked.retryable() && !self.asked_before(ask);
        let decision = self.decided(refusal.asked, Some(ask.attempt.clone()))?;
        if let Some(agents) = offered.worth_waiting_for(&decision) {
            self.wait_for(offered, agents, true);
            return Ok(());
        }
        match &decision.answer {
            Answer::Review { .. } => {
                let about = About::Step { gate: Gate::Dispatch, attempt: ask.attempt.clone() };
                self.open_review(about, Some(decision.id), params, None)
            }
            _ if again => {
                let at = self.at.checked_add(PUT_OFF).unwrap_or(Timestamp::MAX);
                self.tell(Event::Retrying { attempt: ask.attempt.clone(), at })
            }
            Answer::Permit | Answer::Deny { .. } => self.fail(ask.attempt.clone(), refused(&decision)),
        }
    }

    /// Whether this very attempt was put off already: a gate that could not answer is asked twice, not for ever.
    fn asked_before(&self, ask: &Ask) -> bool {
        use concordat_model::run::leg::LegState;
        let leg = self.run.state.leg(ask.step, ask.attempt.leg);
        matches!(leg, Some(LegState::Ready { put_off: true, .. } | LegState::Telling { put_off: true, .. }))
    }
}

/// What policy's refusal means for the step.
pub(super) fn refused(decision: &Decision) -> Failure {
    let reasons = decision.answer.reasons();
    let message: Vec<&str> = reasons.iter().map(|reason| reason.message.as_str()).collect();
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
    // Whoever watches over agents looks for these two, which say nothing about the contract.
    let code = match codes.as_slice() {
        ["retry_budget"] => "retry-budget",
        ["breaker_open"] => "breaker-open",
        _ => "policy-denied",
    };
    Failure {
        code: code.to_owned(),
        message: format!("policy does not permit it: {}", message.join("; ")),
        decision: Some(decision.id),
    }
}

/// The skill and the template of what the agent is given.
pub(super) fn wanted(step: &Step, ask: &Ask) -> Option<(SkillName, Value)> {
    match ask.attempt.leg {
        Leg::Do => Some((step.kind.skill()?.clone(), Value::Object(step.document.with.clone()))),
        Leg::Undo => {
            let Compensation { skill, with } = step.document.compensate.as_ref()?;
            Some((skill.clone(), Value::Object(with.clone())))
        }
    }
}

impl Params {
    fn of(value: Value, salt: Option<Salt>) -> Result<Params, EngineError> {
        let form = digest::canonical(&value).map_err(no_form)?;
        let size = form.len();
        Ok(Params { value: Arc::new(value), size, stored: payload::payload(form, salt) })
    }
}
