//! Forgetting: what contracts, events and questions hold is destroyed, with a record that says so, and every proof
//! still holds.
//!
//! What is destroyed are secrets: without them nobody reads what lies under them, wherever copies of it are, and its
//! digests in the log confirm no guess. Records stay; they hold no content, but for the words of agents and policies about
//! failures and refusals. Nothing is forgotten that is held, or that a contract still works with.

mod belongings;
mod hold;
mod prune;

use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, EventId, RecordId, RunId};
use concordat_model::name::{PrincipalName, TenantName};
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use serde::Serialize;

use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Change, Forgotten, OwnerFilter, Page};
use crate::scribe::Place;
use belongings::Belongings;

pub use prune::{ContentKind, Prune, Pruned, RETENTION_FLOOR};

/// The record type of an erasure.
pub(crate) const ERASED: &str = "erasure.executed";
/// The record type of what grew too old.
pub(crate) const PRUNED: &str = "retention.pruned";

/// The most owners that one record tells of.
const AT_ONCE: usize = 500;

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasable {
    /// A contract that is over, with everything within it.
    Contract(RunId),
    /// An event.
    Event(EventId),
    /// A question behind OPA's doors.
    Decision(DecisionId),
    /// Everything that tells of a person or thing, as the organisation calls it.
    Subject(String),
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Whose contents were forgotten: ids of contracts, events and decisions.
    pub owners: Vec<String>,
    /// How many payloads they had.
    pub payloads: u64,
    /// The records that say so.
    pub records: Vec<RecordId>,
}

/// What the log keeps of an erasure. It names nobody whom the contents told of.
#[derive(Serialize)]
pub(crate) struct ErasureExecuted<'a> {
    pub(crate) tenant: &'a TenantName,
    pub(crate) owners: Vec<&'a str>,
    pub(crate) payloads: usize,
    /// On which ground, such as an article of law and the number of the request.
    pub(crate) basis: &'a str,
    pub(crate) by: &'a PrincipalName,
    pub(crate) access: DecisionId,
}

impl Engine {
    /// Has something forgotten because somebody may ask for it. When this returns, it is gone.
    ///
    /// # Errors
    /// There is no such thing, it is held or not over, the caller may not, or it cannot be recorded.
    pub async fn erase(&self, caller: &Caller, wanted: Erasable, basis: &str) -> Result<Erased, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::ContentsErase, contents(caller)).await?;
        let tenant = &caller.principal.tenant;
        let _nobody_holds = self.core.forgetting.lock().await;
        let mut all = Vec::new();
        for owner in self.owners(tenant, wanted).await? {
            self.gather(&owner, tenant, &mut all).await?;
        }
        let mut erased = Erased::default();
        for some in all.chunks(AT_ONCE) {
            let executed = ErasureExecuted {
                tenant,
                owners: some.iter().map(|one| one.owner.as_str()).collect(),
                payloads: some.iter().map(|one| one.payloads.len()).sum(),
                basis,
                by: &caller.principal.name,
                access: access.decision.id,
            };
            erased.records.push(self.forget(ERASED, &access, &executed, some, erased.records.len()).await?);
            erased.payloads += executed.payloads as u64;
            erased.owners.extend(some.iter().map(|one| one.owner.clone()));
        }
        Ok(erased)
    }

    async fn owners(&self, tenant: &TenantName, wanted: Erasable) -> Result<Vec<String>, EngineError> {
        let subject = match wanted {
            Erasable::Contract(run) => return Ok(vec![run.to_string()]),
            Erasable::Event(event) => return Ok(vec![event.to_string()]),
            Erasable::Decision(decision) => return Ok(vec![decision.to_string()]),
            Erasable::Subject(subject) => subject,
        };
        let mut filter = OwnerFilter::subject(tenant.clone(), subject);
        let mut owners: Vec<String> = Vec::new();
        loop {
            let page = self.core.store.owners(&filter, Page::LARGEST).await?;
            let Some(last) = page.last() else { break };
            filter.between.0.clone_from(last);
            owners.extend(page);
        }
        if owners.is_empty() { Err(EngineError::Untold) } else { Ok(owners) }
    }

    /// Adds an owner's belongings, and those of the contracts within it and the events that it heard.
    async fn gather(
        &self,
        owner: &str,
        tenant: &TenantName,
        all: &mut Vec<Belongings>,
    ) -> Result<(), EngineError> {
        let mut waiting = vec![owner.to_owned()];
        while let Some(next) = waiting.pop() {
            if all.iter().any(|one| one.owner == next) {
                continue;
            }
            let missing = || EngineError::NotFound { what: "contract, event or decision", id: next.clone() };
            let found = Belongings::of(&*self.core.store, &next).await?;
            // What another organisation has is not even known to exist.
            let found = found.filter(|found| found.tenant == *tenant).ok_or_else(missing)?;
            if let Some(record) = self.core.store.forgotten(&next).await? {
                if next == owner {
                    return Err(EngineError::Forgotten { id: next, record });
                }
                continue;
            }
            self.may_go(&found).await?;
            waiting.extend(found.within.iter().cloned());
            all.push(found);
        }
        Ok(())
    }

    /// Refuses what is not over, lies within something that is not, or is held.
    async fn may_go(&self, one: &Belongings) -> Result<(), EngineError> {
        let around = one.around(&*self.core.store).await?;
        if let Some(open) = around.open {
            return Err(EngineError::Conflict(format!(
                "`{open}` is not over: cancel it first, or let it end"
            )));
        }
        match self.core.world.read().holds.keeps(&one.tenant, &around.contracts) {
            Some(hold) => Err(EngineError::Conflict(format!(
                "`{}` is held by {} since {} (hold `{}`: {}); release the hold first",
                one.owner, hold.by, hold.since, hold.id, hold.reason
            ))),
            None => Ok(()),
        }
    }

    /// Destroys the secrets of some owners, with the record that says so.
    async fn forget(
        &self,
        kind: &str,
        access: &Asked,
        said: &impl Serialize,
        some: &[Belongings],
        nth: usize,
    ) -> Result<RecordId, EngineError> {
        let core = &self.core;
        let (subject, at) = (access.decision.id.to_string(), core.clock.now());
        let place = |seq| Place { subject: &subject, seq, at };
        let (mut records, first) = (Vec::new(), nth as u64);
        if first == 0 {
            records.push(decided(core, access, place(0))?);
        }
        let id = RecordId::new(core.clock.uuid());
        records.push(core.scribe.seal_as(id.uuid(), kind, place(first + 1), said)?);
        let forgotten = some.iter().map(|one| Forgotten {
            owner: one.owner.clone(),
            record: id.to_string(),
            payloads: one.payloads.iter().copied().collect::<Vec<Digest>>(),
        });
        let forgotten = forgotten.collect();
        let change =
            Change { records, payloads: access.payloads().collect(), forgotten, ..Change::default() };
        core.durable_or_refused(core.store.commit(change)).await?;
        for one in some {
            if let Ok(run) = one.owner.parse() {
                core.cache.forget(run);
            }
            if let Ok(event) = one.owner.parse() {
                core.world.write().events.erase(event);
            }
        }
        Ok(id)
    }
}

/// What contracts, events and questions of the caller's organisation hold.
fn contents(caller: &Caller) -> Resource {
    Resource {
        kind: ResourceKind::Contents,
        id: None,
        tenant: Some(caller.principal.tenant.clone()),
        submitter: None,
        gate: None,
    }
}
