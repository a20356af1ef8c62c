//! Trust, where people have to do with it: what they say (`said`), and the question why somebody is trusted so far
//! (`explain`).
//!
//! Nobody sets trust here either. What people say is evidence with their name on it, weighed like all else, and it
//! is in the log before it counts.

mod explain;
mod said;

use concordat_ledger::record::Record;
use concordat_model::contract::Risk;
use concordat_model::principal::Principal;
use concordat_model::registry::AgentEvent;
use concordat_model::trust::{AttemptCause, Cause, Seen, TrustKey};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::Core;
use crate::error::EngineError;
use crate::ports::{Change, Commit};
use crate::scribe::Place;
use crate::world::World;

pub use explain::{Explained, Side, TrustReplayed};
pub use said::Testimony;

/// Whether these settings of an operator stop learning.
pub(crate) fn is_frozen(settings: &Value) -> bool {
    settings.get("freeze_learning").and_then(Value::as_bool).unwrap_or(false)
}

/// Whether somebody answers for the agents of this owner.
pub(crate) fn is_owner(principal: &Principal, owner: &str) -> bool {
    principal.name.as_str() == owner || principal.tenant.as_str() == owner
}

/// Something that was seen, on its way into the book and the log.
pub(crate) struct Lesson {
    pub(crate) key: TrustKey,
    pub(crate) seen: Seen,
    pub(crate) risk: Option<Risk>,
    pub(crate) cause: Cause,
    pub(crate) at: Timestamp,
}

impl Core {
    /// Enters what was seen into the book, and says so in the log; false, where it says nothing about the agent.
    pub(crate) fn learn(
        &self,
        world: &mut World,
        lesson: Lesson,
        records: &mut Vec<Record>,
    ) -> Result<bool, EngineError> {
        let Lesson { key, seen, risk, cause, at } = lesson;
        // Where nothing is learnt, too: who broke a critical rule is kept from work.
        world.note_offence(key.agent, &seen, &cause);
        let Some(change) = world.trust.observe(&key, seen, risk, cause, at) else { return Ok(false) };
        let before = world.trust.drift(&key.domain);
        if let Err(odd) = world.trust.apply(&change) {
            return Err(EngineError::Conflict(odd.to_string()));
        }
        world.note_said(&change);
        let subject = key.agent.to_string();
        let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
        records.push(self.scribe.seal(&*self.clock, "trust.changed", place, &change)?);
        let drift = world.trust.drift(&key.domain);
        if drift.shaken != before.shaken {
            let kind = if drift.shaken { "trust.shaken" } else { "trust.settled" };
            let told = serde_json::json!({"domain": key.domain, "short": drift.short, "long": drift.long});
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            records.push(self.scribe.seal(&*self.clock, kind, place, &told)?);
        }
        Ok(true)
    }
}

impl Core {
    /// Puts everybody in quarantine who broke a critical rule: nobody gives such an agent work before people have looked.
    ///
    /// A turn that finds it out cannot do this itself, because no agent's standing changes while agents are chosen. What a
    /// crash leaves undone is done at the next start.
    pub(crate) async fn quarantine_offenders(&self) -> Result<(), EngineError> {
        let commit = self.kept_from_work()?;
        match commit {
            Some(commit) => self.durable(commit).await.map(drop),
            None => Ok(()),
        }
    }

    fn kept_from_work(&self) -> Result<Option<Commit>, EngineError> {
        let _nobody_chooses = self.standings.write();
        let mut world = self.world.write();
        let (at, mut records) = (self.clock.now(), Vec::new());
        for (agent, AttemptCause { run, attempt }) in std::mem::take(&mut world.offenders) {
            let event = AgentEvent::Quarantined { run, attempt };
            if world.apply_agent(agent, &event, None, at).is_ok() {
                let subject = agent.to_string();
                let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
                records.push(self.scribe.seal(&*self.clock, event.record_type(), place, &event)?);
                tracing::warn!(%agent, %run, "the agent {agent} broke a critical rule in {run}: it is in quarantine");
            }
        }
        let change = Change { records, ..Change::default() };
        Ok(Some(change).filter(|change| !change.records.is_empty()).map(|change| self.store.commit(change)))
    }
}

fn conflict(why: String) -> EngineError {
    EngineError::Conflict(why)
}
