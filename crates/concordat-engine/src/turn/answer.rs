//! What comes back from agents: checked, recorded, and counted as evidence.

use std::sync::Arc;

use concordat_model::contract::FailureKind;
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::money::Money;
use concordat_model::name::SkillName;
use concordat_model::run::event::{Attempt, Event, Reply};
use concordat_model::run::leg::LegState;
use concordat_model::trust::{Fit, Seen, TrustKey};
use concordat_model::work::Leg;
use serde_json::Value;

use super::Turn;
use super::inquire::Asking;
use crate::cache::CacheKey;
use crate::error::EngineError;
use crate::gates;
use crate::ports::{Arrival, Fault};

impl Turn<'_> {
    pub(super) fn arrived(
        &mut self,
        attempt: &Attempt,
        arrival: Arrival,
        latency_ms: u64,
    ) -> Result<(), EngineError> {
        // What comes after the attempt was given up is late, and changes nothing.
        let Some((at, agent)) = self.expected(attempt) else { return Ok(()) };
        let (reply, seen) = match arrival {
            Arrival::Asked { question, task } => {
                return self.asked(attempt, (at, agent), Asking { question, task, latency_ms });
            }
            Arrival::Completed(value) => self.completed(at, attempt, agent, value, latency_ms)?,
            Arrival::Failed { kind, fault, code, message, retry_after_ms } => {
                let reply = Reply::Failure { failure: kind, code: code.to_owned(), message, retry_after_ms };
                (reply, failed(kind, fault))
            }
            Arrival::Unknown { message } => {
                (Reply::Unknown { failure: FailureKind::Timeout, message }, Seen::TimedOut)
            }
        };
        self.see(at, attempt, agent, seen);
        self.tell(Event::Answered { attempt: attempt.clone(), reply, latency_ms })
    }

    /// After a start: whatever was with agents is lost to us.
    pub(super) fn interrupted(&mut self, attempts: Vec<Attempt>) -> Result<(), EngineError> {
        attempts.into_iter().try_for_each(|attempt| {
            if self.expected(&attempt).is_none() {
                return Ok(());
            }
            self.tell(Event::Answered { attempt, reply: Reply::Interrupted, latency_ms: 0 })
        })
    }

    /// The step's place and the agent, if this attempt is the one that is out.
    fn expected(&self, attempt: &Attempt) -> Option<(usize, AgentId)> {
        let at = self.run.place(&attempt.step)?;
        match self.run.state.leg(at, attempt.leg)? {
            LegState::Dispatched { number, agent, .. } if *number == attempt.number => Some((at, *agent)),
            _ => None,
        }
    }

    fn completed(
        &mut self,
        at: usize,
        attempt: &Attempt,
        agent: AgentId,
        value: Value,
        latency_ms: u64,
    ) -> Result<(Reply, Seen), EngineError> {
        let contract = self.run.contract.clone();
        let place = self.run.state.steps().get(at).map(|step| step.written);
        let Some(step) = place.and_then(|place| contract.steps().get(place)) else {
            return Err(EngineError::Conflict(format!("there is no step `{}`", attempt.step)));
        };
        let agreed = step.output.as_ref().filter(|_| attempt.leg == Leg::Do);
        let claimed = self.skill_of(at, attempt).and_then(|skill| self.core.output_schema(agent, &skill));
        let checked = agreed.is_some() || claimed.is_some();
        let misfits: Vec<String> = [agreed, claimed.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|schema| schema.misfits(&value))
            .map(|misfit| misfit.to_string())
            .take(10)
            .collect();
        let fit = match (checked, misfits.is_empty()) {
            (false, _) => Fit::Unchecked,
            (true, true) => Fit::Fits,
            (true, false) => Fit::Breaks,
        };
        let latency = std::time::Duration::from_millis(latency_ms);
        let seen = Seen::completed(latency, step.timeout, fit);
        self.may_be_asked_again(at, attempt);
        let (output, bytes) = self.put(Arc::new(value))?;
        Ok((Reply::Output { output, bytes, misfits, checked }, seen))
    }

    /// Notes what a later step would have to ask for to be given the same answer, where the contract allows that.
    fn may_be_asked_again(&mut self, at: usize, attempt: &Attempt) {
        let skill =
            self.run.step(at).filter(|step| step.document.cache.is_some()).and_then(|step| step.kind.skill());
        // What a person answered is a part of what was given, and of no key.
        if let (Some(skill), Some(LegState::Dispatched { revision, params, told: None, .. })) =
            (skill, self.run.state.leg(at, attempt.leg))
        {
            let tenant = self.run.state.submitter.tenant.clone();
            let (revision, skill) = (*revision, skill.clone());
            // What was asked itself: the digest in the record is of a salt, too.
            if let Some(Ok(params)) = self.run.payload(params).map(|params| Digest::of_json(&**params)) {
                self.answered.insert(attempt.clone(), CacheKey { tenant, revision, skill, params });
            }
        }
    }

    fn skill_of(&self, at: usize, attempt: &Attempt) -> Option<SkillName> {
        self.run.step(at)?.skill(attempt.leg).cloned()
    }

    /// Notes what was seen of an agent; it becomes trust when the turn is committed.
    pub(super) fn see(&mut self, at: usize, attempt: &Attempt, agent: AgentId, seen: Seen) {
        let Some((revision, owner, cost)) = self.core.world.read().registry.agent(agent).map(|agent| {
            let registration = &agent.registration;
            (agent.revision, registration.owner.clone(), registration.cost)
        }) else {
            return;
        };
        // Whoever answers for an agent cannot make it trusted with work of their own.
        if crate::trust::is_owner(&self.run.state.submitter, &owner) {
            return;
        }
        let seen = seen.priced(cost.and_then(|cost| self.price(cost)));
        let skill = self.skill_of(at, attempt);
        if let (Some(skill), Some(domain)) = (skill, gates::trust_domain(&self.run)) {
            self.seen.push((TrustKey { agent, revision, domain, skill }, seen, attempt.clone()));
        }
    }
}

impl Turn<'_> {
    /// A call's price in percent of an even share of the contract's budget.
    fn price(&self, cost: Money) -> Option<u16> {
        let budget = self.run.contract.spec().budget.cost?;
        let calls = self.run.contract.steps().iter().filter(|step| step.kind.skill().is_some()).count();
        if budget.currency() != cost.currency() || budget.micros() == 0 {
            return None;
        }
        let percent = u128::from(cost.micros()) * calls as u128 * 100 / u128::from(budget.micros());
        Some(u16::try_from(percent).unwrap_or(u16::MAX))
    }
}

fn failed(kind: FailureKind, fault: Fault) -> Seen {
    match (fault, kind) {
        (Fault::FalseClaim, _) => Seen::UnknownSkill,
        (Fault::Unreachable, _) => Seen::Unavailable,
        // Neither says anything about the agent.
        (Fault::Ours | Fault::Nobody, _) => Seen::BadRequest,
        (Fault::Agent, FailureKind::Malformed) => Seen::Malformed,
        (Fault::Agent, FailureKind::Timeout) => Seen::TimedOut,
        (Fault::Agent, FailureKind::Failed | FailureKind::Unavailable) => Seen::Failed,
    }
}
