//! What stands behind OPA's doors: each organisation's own modules and data, kept by the log.
//!
//! No gate reads them, and they read no gate's. A change is one record with what was sent as its payload; it is
//! durable before anybody is asked with it. An answer is a record too (`decide`), durable before it is given. Changes
//! wait for each other; questions wait for nobody: they take the documents as they stand and keep them to the end.

mod decide;
mod export;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;

use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, KeyId};
use concordat_model::name::{PrincipalName, TenantName};
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use concordat_policy::opa::{Change, Documents, Refused, State};
use jiff::Timestamp;
use lru::LruCache;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};

pub use self::decide::{Answered, Asking, Failed};
pub(crate) use self::decide::{DECIDED, Decided};
pub use self::export::{Logged, LoggedPage};

use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Change as Stored, Store, StoredRecord};
use crate::scribe::Place;

/// The types of the records that change modules or data.
pub(crate) const CHANGES: [&str; 4] =
    ["opa.policy.put", "opa.policy.removed", "opa.policies.replaced", "opa.data.changed"];
/// The most evaluations at a time: each has a thread of its own.
const EVALUATIONS: usize = 32;

/// The most askers that are remembered.
const PERMITS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Why a door stays shut.
#[derive(Debug, thiserror::Error)]
pub enum OpaError {
    /// What OPA would refuse too.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Everything else.
    #[error("{0}")]
    Engine(#[from] EngineError),
}

/// What the log keeps of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    /// The digest of what was sent.
    change: Digest,
    /// The revision from then on.
    revision: Digest,
    by: PrincipalName,
    key: KeyId,
    access: DecisionId,
}

/// Everybody's documents.
pub(crate) struct Doors {
    documents: RwLock<HashMap<TenantName, Arc<Documents>>>,
    /// Held from reading what is to be changed until the change is in force.
    changing: Mutex<()>,
    evaluations: Arc<Semaphore>,
    /// Whom the access gate has permitted to ask, under which policy, and when.
    permitted: parking_lot::Mutex<LruCache<(KeyId, Digest), Timestamp>>,
}

impl Doors {
    /// The documents as the log tells them.
    pub(crate) fn open(states: BTreeMap<TenantName, State>) -> Doors {
        let prepare = |(tenant, state)| (tenant, Arc::new(Documents::prepare(state)));
        Doors {
            documents: RwLock::new(states.into_iter().map(prepare).collect()),
            changing: Mutex::new(()),
            evaluations: Arc::new(Semaphore::new(EVALUATIONS)),
            permitted: parking_lot::Mutex::new(LruCache::new(PERMITS)),
        }
    }

    fn of(&self, tenant: &TenantName) -> Arc<Documents> {
        self.documents.read().get(tenant).cloned().unwrap_or_default()
    }
}

fn subject(tenant: &TenantName) -> String {
    format!("opa/{tenant}")
}

/// Folds a recorded change.
pub(crate) async fn fold(
    states: &mut BTreeMap<TenantName, State>,
    store: &dyn Store,
    stored: &StoredRecord,
) -> Result<(), EngineError> {
    let changed: Changed = stored.read()?;
    let tenant = stored.record.subject().strip_prefix("opa/").and_then(|tenant| tenant.parse().ok());
    let tenant: TenantName = tenant.ok_or_else(|| stored.odd("its subject names no organisation"))?;
    let digest = changed.change;
    let payload = store.payload(&digest).await?.ok_or(EngineError::PayloadMissing(digest))?;
    let change = Change::from_payload(&payload)
        .map_err(|error| EngineError::PayloadOdd { digest, why: error.to_string() })?;
    states.entry(tenant).or_default().apply(&change, &payload).map_err(|error| stored.odd(error))
}

/// The documents of the caller's organisation.
fn resource(caller: &Caller) -> Resource {
    Resource {
        kind: ResourceKind::Opa,
        id: None,
        tenant: Some(caller.principal.tenant.clone()),
        submitter: None,
        gate: None,
    }
}

impl Engine {
    /// The modules and data of the caller's organisation, for looking at.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn opa(&self, caller: &Caller) -> Result<Arc<Documents>, EngineError> {
        self.permit(caller, Action::OpaRead, resource(caller)).await?;
        Ok(self.core.opa.of(&caller.principal.tenant))
    }

    /// Changes modules or data. When this returns, the change is on disk and in force. With `only_new`, data that is
    /// there already stays as it is; tells whether anything was done.
    ///
    /// # Errors
    /// The caller may not, it cannot be done, or it cannot be recorded.
    pub async fn change_opa(
        &self,
        caller: &Caller,
        change: Change,
        only_new: Option<Vec<String>>,
    ) -> Result<bool, OpaError> {
        self.core.running()?;
        let access = self.permit(caller, Action::OpaWrite, resource(caller)).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        // Whoever goes away leaves no change behind that is recorded but not in force.
        let changing = tokio::spawn(async move { engine.change(&caller, change, only_new, &access).await });
        changing.await.unwrap_or_else(|error| Err(EngineError::Conflict(error.to_string()).into()))
    }

    async fn change(
        &self,
        caller: &Caller,
        change: Change,
        only_new: Option<Vec<String>>,
        access: &Asked,
    ) -> Result<bool, OpaError> {
        let core = &self.core;
        let changing = core.opa.changing.lock().await;
        let tenant = &caller.principal.tenant;
        let before = core.opa.of(tenant);
        if only_new.is_some_and(|path| before.has_data(&path)) {
            return Ok(false);
        }
        if let Change::PolicyPut { id, text } = &change
            && before.module(id).is_ok_and(|known| known == text)
        {
            return Ok(false);
        }
        let kind = change.record_type();
        let prepared = tokio::task::spawn_blocking(move || before.changed(&change)).await;
        let crashed = |_| Refused::Parameter("the change crashed its reader".to_owned());
        let (after, payload) = prepared.map_err(crashed)??;
        self.record_change(caller, kind, after.revision(), payload, access).await?;
        core.opa.documents.write().insert(tenant.clone(), Arc::new(after));
        drop(changing);
        Ok(true)
    }

    async fn record_change(
        &self,
        caller: &Caller,
        kind: &str,
        revision: Digest,
        payload: Vec<u8>,
        access: &Asked,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let subject = subject(&caller.principal.tenant);
        let digest = Digest::of(&payload);
        let changed = Changed {
            change: digest,
            revision,
            by: caller.principal.name.clone(),
            key: caller.key,
            access: access.decision.id,
        };
        let commit = {
            let mut world = core.world.write();
            let at: Timestamp = core.clock.now();
            let mut stored = Stored::default();
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            stored.records.push(decided(core, access, place)?);
            stored.payloads.extend(access.payloads());
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            stored.records.push(core.scribe.seal(&*core.clock, kind, place, &changed)?);
            stored.payloads.push((digest, payload));
            core.store.commit(stored)
        };
        core.durable(commit).await.map(drop)
    }
}
