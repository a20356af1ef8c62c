//! What all runs share: agents, trust, keys, open reviews. In memory, and rebuilt from the log at each start.
//!
//! INVARIANT: whoever changes the world holds its lock until the records that say so are handed to the store, so
//! that the log tells the changes in the order in which they were made.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use concordat_model::agent::{Registration, Tie};
use concordat_model::digest::Digest;
use concordat_model::hold::{HoldEvent, Holds};
use concordat_model::id::{AgentId, DecisionId, EventId, HoldId, KeyId, PushId, ReviewId, RunId};
use concordat_model::keyring::{KeyEvent, Keyring};
use concordat_model::name::{ContractName, PrincipalName, TenantName};
use concordat_model::payload;
use concordat_model::policy_book::{PolicyBook, PolicyEvent};
use concordat_model::push::PushEvent;
use concordat_model::registry::{AgentEvent, Registry, RegistryError};
use concordat_model::run::event::About;
use concordat_model::trigger::TriggerEvent;
use concordat_model::trust::{AttemptCause, Cause, RatingCause, Seen, TrustBook, TrustChanged, TrustKey};
use jiff::Timestamp;
use serde_json::Value;

use crate::EngineError;
use crate::events::{EventRecorded, Events, RECENT_EVENTS, Told};
use crate::ports::{Store, StoredRecord};
use crate::pushes::Pushes;
use crate::reading::Pages;
use crate::triggers::Triggers;

/// The subject under which the installation itself stands in the log.
pub(crate) const LOG: &str = "log";

/// Everything that runs share.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) trust: TrustBook,
    /// Which contracts were rated, and by whom.
    pub(crate) rated: HashSet<(RunId, TenantName, PrincipalName)>,
    /// Who testified to what, and in which hour they did last.
    pub(crate) testified: HashMap<(TrustKey, PrincipalName), Timestamp>,
    pub(crate) keys: Keyring,
    pub(crate) policies: PolicyBook,
    pub(crate) reviews: BTreeMap<ReviewId, OpenReview>,
    pub(crate) events: Events,
    pub(crate) triggers: Triggers,
    pub(crate) pushes: Pushes,
    pub(crate) holds: Holds,
    /// What the log tells of OPA's doors, until they are opened.
    pub(crate) opa: BTreeMap<TenantName, concordat_policy::opa::State>,
    /// Agents that broke a critical rule and are not in quarantine for it yet, with where they did.
    pub(crate) offenders: BTreeMap<AgentId, AttemptCause>,
    /// What the operator had set at the last start.
    pub(crate) settings: Option<Value>,
    /// The number of the next record of each subject that is not a run.
    next: HashMap<String, u64>,
}

/// A question to people, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReview {
    /// The review.
    pub id: ReviewId,
    /// The run it belongs to.
    pub run: RunId,
    /// The contract's name.
    pub contract: ContractName,
    /// Whose it is.
    pub tenant: TenantName,
    /// Who sent the contract.
    pub submitter: PrincipalName,
    /// What it is about.
    pub about: About,
    /// The decision that asked for it.
    pub decision: Option<DecisionId>,
    /// The digest of what people are asked to approve.
    pub payload: Digest,
    /// Since when it waits.
    pub opened: Timestamp,
    /// When it lapses.
    pub expires: Timestamp,
}

/// The types of the records that make up the world.
const TYPES: [&str; 21] = [
    "legal_hold.set",
    "legal_hold.released",
    "trust.changed",
    "trust.shaken",
    "trust.settled",
    "key.created",
    "key.revoked",
    "policy.installed",
    "policy.published",
    "policy.refused",
    "policy.impact_seen",
    "policy.promoted",
    "policy.withdrawn",
    "policy.rolled_back",
    "log.started",
    "log.stopped",
    "event.received",
    "event.published",
    "trigger.applied",
    "trigger.removed",
    "trigger.fired",
];

impl World {
    /// Folds the world out of the log.
    pub(crate) async fn load(store: &dyn Store) -> Result<World, EngineError> {
        let mut world = World::default();
        let filter = crate::ports::RecordFilter {
            types: TYPES
                .iter()
                .map(|kind| (*kind).to_owned())
                .chain(AgentEvent::TYPES.map(str::to_owned))
                .chain(PushEvent::TYPES.map(str::to_owned))
                .chain(["gate.decided".to_owned()])
                .chain(crate::opa::CHANGES.map(str::to_owned))
                .collect(),
            ..Default::default()
        };
        let mut events: VecDeque<StoredRecord> = VecDeque::new();
        let mut pages = Pages::of(store, filter);
        while let Some(page) = pages.more().await? {
            for stored in &page {
                if stored.record.subject().starts_with(EventId::PREFIX) {
                    events.extend((stored.record.kind() != "gate.decided").then(|| stored.clone()));
                    while events.len() > RECENT_EVENTS {
                        events.pop_front();
                    }
                } else {
                    world.fold(store, stored).await?;
                }
            }
        }
        for stored in &events {
            if let Some(told) = World::told(store, stored).await? {
                world.events.remember(Arc::new(told));
            }
        }
        Ok(world)
    }

    /// Reads an event of the log, unless it was forgotten.
    async fn told(store: &dyn Store, stored: &StoredRecord) -> Result<Option<Told>, EngineError> {
        let recorded: EventRecorded = stored.read()?;
        let digest = recorded.content;
        let Some(bytes) = store.payload(&digest).await? else {
            let forgotten = store.forgotten(stored.record.subject()).await?;
            return forgotten.map(|_| None).ok_or(EngineError::PayloadMissing(digest));
        };
        Ok(Some(Told {
            id: stored.subject()?,
            event: serde_json::from_slice(payload::document(&bytes))
                .map_err(|error| EngineError::PayloadOdd { digest, why: error.to_string() })?,
            tenant: recorded.tenant,
            at: stored.time()?,
        }))
    }

    async fn fold(&mut self, store: &dyn Store, stored: &StoredRecord) -> Result<(), EngineError> {
        let record = &stored.record;
        // A run counts its own records, decisions about it among them; a look at the log has a subject of its own.
        if [RunId::PREFIX, DecisionId::PREFIX].iter().any(|own| record.subject().starts_with(own)) {
            return Ok(());
        }
        if record.subject().starts_with(PushId::PREFIX) {
            // A webhook has so few records that nobody has to count them.
            return if PushEvent::TYPES.contains(&record.kind()) { self.fold_push(stored) } else { Ok(()) };
        }
        self.next.insert(record.subject().to_owned(), record.subject_seq().get() + 1);
        let at = stored.time()?;
        match record.kind() {
            "trust.changed" => {
                let change: TrustChanged = stored.read()?;
                self.trust.apply(&change).map_err(|error| stored.odd(error))?;
                self.note_said(&change);
                self.note_offence(change.key.agent, &change.seen, &change.cause);
                Ok(())
            }
            "key.created" | "key.revoked" => {
                let id: KeyId = stored.subject()?;
                let event: KeyEvent = stored.read()?;
                self.keys.apply(id, &event, at);
                Ok(())
            }
            "trigger.applied" | "trigger.removed" | "trigger.fired" => {
                let event: TriggerEvent = stored.read()?;
                self.triggers.apply(record.subject(), &event, at);
                Ok(())
            }
            "legal_hold.set" | "legal_hold.released" => {
                let id: HoldId = stored.subject()?;
                let event: HoldEvent = stored.read()?;
                self.holds.apply(id, &event, at);
                Ok(())
            }
            "log.started" => {
                let started: Value = stored.read()?;
                self.settings = started.get("settings").cloned();
                self.trust.freeze(self.settings.as_ref().is_some_and(crate::trust::is_frozen).then_some(at));
                Ok(())
            }
            kind if kind.starts_with("policy.") => {
                let event: PolicyEvent = stored.read()?;
                self.policies.apply(&event, at);
                Ok(())
            }
            kind if crate::opa::CHANGES.contains(&kind) => {
                crate::opa::fold(&mut self.opa, store, stored).await
            }
            kind if kind.starts_with("agent.") => {
                let id: AgentId = stored.subject()?;
                let event = stored.read()?;
                self.fold_agent(store, id, &event, at).await.map_err(|error| stored.odd(error))
            }
            _ => Ok(()),
        }
    }

    fn fold_push(&mut self, stored: &StoredRecord) -> Result<(), EngineError> {
        let event: PushEvent = stored.read()?;
        self.pushes.apply(stored.subject()?, &event, stored.time()?);
        Ok(())
    }

    async fn fold_agent(
        &mut self,
        store: &dyn Store,
        id: AgentId,
        event: &AgentEvent,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let brought = match event.brings() {
            None => None,
            Some(revision) => {
                let bytes = store.payload(&revision).await?.ok_or(EngineError::PayloadMissing(revision))?;
                let odd = |error: serde_json::Error| EngineError::PayloadOdd {
                    digest: revision,
                    why: error.to_string(),
                };
                Some(serde_json::from_slice(&bytes).map_err(odd)?)
            }
        };
        Ok(self.apply_agent(id, event, brought, at)?)
    }

    /// Folds what happened to an agent. One that is new, or elsewhere, is entered with what others of its party leave
    /// against it.
    pub(crate) fn apply_agent(
        &mut self,
        id: AgentId,
        event: &AgentEvent,
        brought: Option<Registration>,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        self.registry.apply(id, event, brought, at)?;
        if self.registry.agent(id).is_some_and(|agent| !agent.standing.works()) {
            self.offenders.remove(&id);
        }
        let ties = match event {
            AgentEvent::Registered { ties, .. } => Some(ties),
            // What was written before there were ties says nothing of them, and changed none.
            AgentEvent::Revised { ties, .. } => Some(ties).filter(|ties| !ties.is_empty()),
            _ => None,
        };
        if let (Some(ties), Some(agent)) = (ties, self.registry.agent(id)) {
            let owner = Tie::owner(&agent.registration.owner);
            self.trust.registered(id, ties.iter().cloned().chain([owner]), at);
        }
        Ok(())
    }

    /// Remembers who has rated what, and testified to what in which hour: saying it again is no evidence.
    pub(crate) fn note_said(&mut self, change: &TrustChanged) {
        match &change.cause {
            Cause::Rating(RatingCause { run, rated_by, tenant, .. }) => {
                self.rated.insert((*run, tenant.clone(), rated_by.clone()));
            }
            Cause::Person(said) if matches!(change.seen, Seen::Testified { .. }) => {
                self.testified.insert((change.key.clone(), said.by.clone()), change.after.since);
            }
            Cause::Person(_) | Cause::Attempt(_) | Cause::Probe(_) => {}
        }
    }

    /// Remembers who broke a critical rule, until it is kept from work.
    pub(crate) fn note_offence(&mut self, agent: AgentId, seen: &Seen, cause: &Cause) {
        let works = self.registry.agent(agent).is_some_and(|agent| agent.standing.works());
        if let (Cause::Attempt(cause), true) = (cause, works && seen.is_an_offence()) {
            self.offenders.insert(agent, cause.clone());
        }
    }

    /// The number of the subject's next record, which the caller is about to write.
    pub(crate) fn take_seq(&mut self, subject: &str) -> u64 {
        let next = self.next.entry(subject.to_owned()).or_default();
        let seq = *next;
        *next += 1;
        seq
    }
}
