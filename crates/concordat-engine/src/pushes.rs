//! Webhooks of contracts: set, taken away, and rung when a contract has changed.
//!
//! What is told, and in which words, is for whoever offers them (`concordat-server`'s A2A room); here is which webhooks
//! there are, durable and sealed, and which contracts have changed since somebody looked. Nothing waits for a webhook:
//! a run that changes leaves its id and goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use concordat_model::digest::Digest;
use concordat_model::id::{PushId, RunId};
use concordat_model::name::TenantName;
use concordat_model::problem::{Problem, Problems};
use concordat_model::push::{PushEnd, PushEvent};
use concordat_policy::Asked;
use concordat_policy::input::{Action, ResourceKind};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Change, NotTold, Notice, Webhook};
use crate::runs::of_run;
use crate::scribe::Place;

/// The most webhooks of one contract.
const OF_A_RUN: usize = 5;
/// The most webhooks of one organisation.
const OF_A_TENANT: usize = 10_000;
/// The longest name of one.
const LONGEST_NAME: usize = 128;
/// What is sealed here, for the safe.
const PURPOSE: &str = "webhook";

/// A webhook that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its id.
    pub id: PushId,
    /// The contract that it is told of.
    pub run: RunId,
    /// What whoever set it calls it.
    pub name: String,
    /// In whose name it is told, and with which key it was set.
    pub owner: Caller,
    /// Since when.
    pub since: Timestamp,
    content: Digest,
}

/// Every webhook that is in force.
#[derive(Debug, Default)]
pub(crate) struct Pushes {
    all: BTreeMap<PushId, Push>,
    of_run: HashMap<RunId, BTreeSet<PushId>>,
    of_tenant: HashMap<TenantName, usize>,
}

impl Pushes {
    /// Folds one event of a webhook.
    pub(crate) fn apply(&mut self, id: PushId, event: &PushEvent, at: Timestamp) {
        match event {
            PushEvent::Set { run, name, owner, key, content, .. } => {
                let owner = Caller { key: *key, principal: owner.clone() };
                *self.of_tenant.entry(owner.principal.tenant.clone()).or_default() += 1;
                self.of_run.entry(*run).or_default().insert(id);
                let push = Push { id, run: *run, name: name.clone(), owner, since: at, content: *content };
                self.all.insert(id, push);
            }
            PushEvent::Ended { .. } => {
                let Some(push) = self.all.remove(&id) else { return };
                if let Some(others) = self.of_run.get_mut(&push.run) {
                    others.remove(&id);
                    if others.is_empty() {
                        self.of_run.remove(&push.run);
                    }
                }
                if let Some(count) = self.of_tenant.get_mut(&push.owner.principal.tenant) {
                    *count = count.saturating_sub(1);
                }
            }
        }
    }

    /// The webhooks of a contract.
    fn of(&self, run: RunId) -> impl Iterator<Item = &Push> {
        self.of_run.get(&run).into_iter().flatten().filter_map(|id| self.all.get(id))
    }

    /// The one that this caller calls so.
    fn named(&self, caller: &Caller, run: RunId, name: &str) -> Option<&Push> {
        self.of(run).find(|push| push.name == name && is_owner(caller, push))
    }
}

/// Nobody but who set a webhook sees it, whoever may see the contract.
fn is_owner(caller: &Caller, push: &Push) -> bool {
    let (asks, owns) = (&caller.principal, &push.owner.principal);
    asks.tenant == owns.tenant && asks.name == owns.name
}

/// The contracts with webhooks that have changed since somebody looked. It holds no more than there are such contracts.
#[derive(Debug, Default)]
pub(crate) struct Due {
    runs: Mutex<BTreeSet<RunId>>,
    rung: Notify,
}

impl Engine {
    /// Whether a webhook could be told, as far as that is known without asking the network.
    ///
    /// # Errors
    /// Its address may not be contacted, or something of it cannot be sent.
    pub fn hears(&self, webhook: &Webhook) -> Result<(), EngineError> {
        self.core.transport.hears(webhook).map_err(wrong)
    }

    /// Sets a webhook of a contract. One of the same name is replaced; without a name it is called by its contract.
    ///
    /// # Errors
    /// There is no such contract, the caller may not see it, the address may not be contacted, there are too many, or it
    /// cannot be recorded.
    pub async fn set_push(
        &self,
        caller: &Caller,
        run: RunId,
        name: Option<&str>,
        webhook: &Webhook,
    ) -> Result<Push, EngineError> {
        let core = &self.core;
        core.running()?;
        self.hears(webhook)?;
        let access = self.may_see(caller, run).await?;
        let id = PushId::new(core.clock.uuid());
        let (own, of_run) = (id.to_string(), run.to_string());
        let name = name.unwrap_or(&of_run);
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(format!(
                "a webhook's name has 1 to {LONGEST_NAME} visible characters of ASCII"
            )));
        }
        let payload = core.sealed(webhook)?;
        let event = PushEvent::Set {
            run,
            name: name.to_owned(),
            owner: caller.principal.clone(),
            key: caller.key,
            origin: webhook.origin(),
            content: payload.0,
            access: access.decision.id,
        };
        let commit = {
            let mut world = core.world.write();
            let at = core.clock.now();
            let before = world.pushes.named(caller, run, name).map(|push| push.id);
            let tenant = &caller.principal.tenant;
            let (few, most) = (world.pushes.of(run).count(), world.pushes.of_tenant.get(tenant).copied());
            if before.is_none() && (few >= OF_A_RUN || most.unwrap_or(0) >= OF_A_TENANT) {
                return Err(EngineError::Conflict(format!(
                    "there are too many webhooks: a contract has at most {OF_A_RUN}, and an organisation {OF_A_TENANT} \
                     of contracts that are not over"
                )));
            }
            let mut change = Change { payloads: vec![payload], ..Change::default() };
            change.records.push(decided(core, &access, Place { subject: &own, seq: 0, at })?);
            change.payloads.extend(access.payloads());
            let place = Place { subject: &own, seq: 1, at };
            change.records.push(core.scribe.seal(&*core.clock, event.record_type(), place, &event)?);
            if let Some(before) = before {
                let ended = PushEvent::Ended { why: PushEnd::Replaced };
                change.records.push(core.ending(before, &ended, ENDS, at)?);
                world.pushes.apply(before, &ended, at);
            }
            world.pushes.apply(id, &event, at);
            core.store.commit(change)
        };
        core.durable(commit).await?;
        core.pushes_due(run);
        self.core.world.read().pushes.all.get(&id).cloned().ok_or_else(|| missing(name))
    }

    /// The webhooks of a contract that the caller has set.
    ///
    /// # Errors
    /// There is no such contract, or the caller may not see it.
    pub async fn pushes(&self, caller: &Caller, run: RunId) -> Result<Vec<Push>, EngineError> {
        self.may_see(caller, run).await?;
        Ok(self.core.world.read().pushes.of(run).filter(|push| is_owner(caller, push)).cloned().collect())
    }

    /// Takes a webhook away that the caller has set. One that is not there any more is as good as taken away.
    ///
    /// # Errors
    /// The caller may not see the contract, or it cannot be recorded.
    pub async fn remove_push(&self, caller: &Caller, run: RunId, name: &str) -> Result<(), EngineError> {
        self.core.running()?;
        let access = self.may_see(caller, run).await?;
        let found = self.core.world.read().pushes.named(caller, run, name).map(|push| push.id);
        match found {
            Some(id) => self.end(id, PushEnd::Removed, Some(&access)).await,
            None => Ok(()),
        }
    }

    /// Ends a webhook that needs nothing more, or cannot be told. One that ended meanwhile has ended.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub async fn end_push(&self, id: PushId, why: PushEnd) -> Result<(), EngineError> {
        self.end(id, why, None).await
    }

    /// Waits for contracts with webhooks to change, and tells which did.
    pub async fn due_pushes(&self) -> Vec<RunId> {
        let due = &self.core.due;
        loop {
            let rung = due.rung.notified();
            let runs = std::mem::take(&mut *due.runs.lock());
            if !runs.is_empty() {
                return runs.into_iter().collect();
            }
            rung.await;
        }
    }

    /// The webhooks of a contract, whoever has set them: for whoever tells them.
    #[must_use]
    pub fn pushes_of(&self, run: RunId) -> Vec<Push> {
        self.core.world.read().pushes.of(run).cloned().collect()
    }

    /// Whether there is such a webhook.
    #[must_use]
    pub fn is_push(&self, id: PushId) -> bool {
        self.core.world.read().pushes.all.contains_key(&id)
    }

    /// Whether a webhook is still in force, and the key counts that it was set with.
    #[must_use]
    pub fn is_in_force(&self, push: &Push) -> bool {
        let world = self.core.world.read();
        world.pushes.all.contains_key(&push.id)
            && world.keys.key(push.owner.key).is_some_and(|key| key.revoked.is_none())
    }

    /// Where a webhook is, and what we are recognised by there.
    ///
    /// # Errors
    /// It cannot be read, or was sealed under another key.
    pub async fn webhook(&self, push: &Push) -> Result<Webhook, EngineError> {
        let bytes = self.core.store.payload(&push.content).await?;
        let bytes = bytes.ok_or(EngineError::PayloadMissing(push.content))?;
        let odd = |why: String| EngineError::PayloadOdd { digest: push.content, why };
        let opened = self.core.safe.open(PURPOSE, &bytes);
        let opened = opened.ok_or_else(|| odd("it was sealed under another key of the safe".to_owned()))?;
        serde_json::from_slice(&opened).map_err(|error| odd(error.to_string()))
    }

    /// Takes a hint from outside that something has happened at an agent; whether anybody waits for it.
    #[must_use]
    pub fn hinted(&self, token: &str) -> bool {
        self.core.transport.hinted(token)
    }

    /// Tells a webhook something, once.
    ///
    /// # Errors
    /// It did not take it, or it is not known whether it did.
    pub async fn notify(&self, notice: Notice) -> Result<(), NotTold> {
        self.core.transport.notify(notice).await
    }

    async fn may_see(&self, caller: &Caller, run: RunId) -> Result<Asked, EngineError> {
        let view = self.run(caller, run).await?;
        self.permit(caller, Action::ContractsRead, of_run(ResourceKind::Contract, &view.run)).await
    }

    async fn end(&self, id: PushId, why: PushEnd, access: Option<&Asked>) -> Result<(), EngineError> {
        let core = &self.core;
        let commit = {
            let mut world = core.world.write();
            if !world.pushes.all.contains_key(&id) {
                return Ok(());
            }
            let (at, subject) = (core.clock.now(), id.to_string());
            let (mut change, mut seq) = (Change::default(), ENDS);
            if let Some(access) = access {
                change.records.push(decided(core, access, Place { subject: &subject, seq, at })?);
                change.payloads.extend(access.payloads());
                seq += 1;
            }
            let event = PushEvent::Ended { why };
            change.records.push(core.ending(id, &event, seq, at)?);
            world.pushes.apply(id, &event, at);
            core.store.commit(change)
        };
        core.durable(commit).await.map(drop)
    }
}

/// The number of the first record after a webhook was set: the decision and the setting come before.
const ENDS: u64 = 2;

impl Core {
    /// Rings for a contract that has changed, if anybody wants to be told of it.
    pub(crate) fn pushes_due(&self, run: RunId) {
        if self.world.read().pushes.of_run.contains_key(&run) {
            self.due.runs.lock().insert(run);
            self.due.rung.notify_one();
        }
    }

    /// Rings for every contract with a webhook: what was told before this start is not known.
    pub(crate) fn all_pushes_due(&self) {
        let runs: Vec<RunId> = self.world.read().pushes.of_run.keys().copied().collect();
        runs.into_iter().for_each(|run| self.pushes_due(run));
    }

    fn ending(
        &self,
        id: PushId,
        event: &PushEvent,
        seq: u64,
        at: Timestamp,
    ) -> Result<concordat_ledger::record::Record, EngineError> {
        let subject = id.to_string();
        let place = Place { subject: &subject, seq, at };
        Ok(self.scribe.seal(&*self.clock, event.record_type(), place, event)?)
    }

    fn sealed(&self, webhook: &Webhook) -> Result<(Digest, Vec<u8>), EngineError> {
        let plain = serde_json::to_vec(webhook).map_err(|error| EngineError::Conflict(error.to_string()))?;
        let sealed = self.safe.seal(PURPOSE, &plain, &self.secret()?);
        Ok((Digest::of(&sealed), sealed))
    }
}

fn missing(name: &str) -> EngineError {
    EngineError::NotFound { what: "webhook", id: name.chars().take(80).collect() }
}

fn wrong(why: String) -> EngineError {
    EngineError::Invalid(Problems::from(Problem::new("webhook", "/url", why)))
}
