//! Using an earlier result instead of a call, and keeping results for that.

use concordat_model::digest::Digest;
use concordat_model::run::due::Ask;
use concordat_model::run::event::Event;
use concordat_model::run::leg::LegState;
use concordat_model::work::{Assignment, Leg};
use concordat_policy::Authorized;
use jiff::{SignedDuration, Timestamp};

use super::{Turn, no_form};
use crate::cache::{CacheKey, Cached};
use crate::error::EngineError;

impl Turn<'_> {
    /// Uses an earlier result for the chosen agent, if the step allows it and there is one that is fresh enough.
    pub(super) fn recall(
        &mut self,
        ask: &Ask,
        assignment: &Authorized<Assignment>,
    ) -> Result<bool, EngineError> {
        let cache = self.run.step(ask.step).and_then(|step| step.document.cache);
        let Some(cache) = cache.filter(|_| ask.attempt.leg == Leg::Do) else { return Ok(false) };
        let given = assignment.get();
        let key = CacheKey {
            tenant: self.run.state.submitter.tenant.clone(),
            revision: given.revision,
            skill: given.work.skill.clone(),
            // Not the digest that records name, which another run has another salt for.
            params: Digest::of_json(&*given.work.params).map_err(no_form)?,
        };
        let params = given.work.params_digest;
        let ttl = SignedDuration::try_from(cache.ttl.duration()).unwrap_or_default();
        let youngest = self.at.checked_sub(ttl).unwrap_or(Timestamp::MIN);
        // What this very turn has released is not in the cache before the turn is durable.
        let fresh = self.fresh.iter().rev().find(|(of, _)| *of == key).map(|(_, cached)| cached.clone());
        let Some(cached) = fresh.or_else(|| self.core.cache.find(&key, youngest)) else { return Ok(false) };
        let (output, _) = self.put(cached.output)?;
        self.tell(Event::Recalled {
            attempt: ask.attempt.clone(),
            agent: cached.agent,
            decision: assignment.decision(),
            params,
            output,
            from: cached.from,
        })?;
        Ok(true)
    }

    /// Keeps a released result for those who may use it again.
    pub(super) fn remember(&mut self, ask: &Ask) {
        let Some(key) = self.answered.remove(&ask.attempt) else { return };
        let cached = self.run.step(ask.step).is_some_and(|step| step.document.cache.is_some());
        let done = self.run.state.leg(ask.step, Leg::Do);
        if let Some(LegState::Done { agent: Some(agent), output }) = done
            && cached
            && let Some(value) = self.run.payload(output)
        {
            let cached = Cached { agent: *agent, output: value.clone(), from: self.run.id, at: self.at };
            self.fresh.push((key, cached));
        }
    }
}
