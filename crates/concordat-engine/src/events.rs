//! Events: taken in from outside, published by steps, and brought to whoever waits for them.
//!
//! An event is a record before anybody hears of it. Runs that wait hear it through their inbox; one that begins to
//! wait later hears of the recent ones. A run may be told of an event twice, and takes it in once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use concordat_model::cloud_event::{CloudEvent, Expectation, SpecVersion};
use concordat_model::contract::EventName;
use concordat_model::digest::{self, Digest, NoCanonicalForm};
use concordat_model::id::{DecisionId, EventId, RunId};
use concordat_model::name::{PrincipalName, TenantName};
use concordat_model::payload;
use concordat_model::run::Run;
use concordat_model::run::event::Attempt;
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::{Core, Message};
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::input::Input;
use crate::ports::{Change, SavedReply, Sealed, StoreError, Whose};
use crate::scribe::Place;

/// The largest event in canonical form, in bytes.
pub const LARGEST_EVENT: usize = 64 * 1024;
/// The most recent events that steps still hear of when they begin to wait.
pub const RECENT_EVENTS: usize = 4096;

/// An event as it was taken in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Its id here.
    pub id: EventId,
    /// The event.
    pub event: CloudEvent,
    /// Whose it is.
    pub tenant: TenantName,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Told {
    /// The event as runs keep it.
    pub(crate) fn content(&self) -> Result<Value, EngineError> {
        serde_json::to_value(&self.event).map_err(|error| EngineError::Conflict(error.to_string()))
    }
}

/// What the log says of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventRecorded {
    pub(crate) tenant: TenantName,
    #[serde(rename = "type")]
    pub(crate) kind: EventName,
    pub(crate) source: String,
    pub(crate) id: String,
    pub(crate) content: Digest,
    pub(crate) from: Publisher,
}

/// Where an event came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Publisher {
    /// Somebody told it.
    Principal { name: PrincipalName, access: DecisionId },
    /// A step published it.
    Step { run: RunId, attempt: Attempt },
}

/// The type of an event's record.
pub(crate) fn record_type(from: &Publisher) -> &'static str {
    match from {
        Publisher::Principal { .. } => "event.received",
        Publisher::Step { .. } => "event.published",
    }
}

/// Who waits for which events, and the recent ones.
#[derive(Debug, Default)]
pub(crate) struct Events {
    recent: VecDeque<Arc<Told>>,
    listeners: HashMap<(TenantName, EventName), Vec<Listener>>,
}

#[derive(Debug)]
struct Listener {
    run: RunId,
    attempt: Attempt,
    wanted: Expectation,
}

impl Events {
    /// Takes in an event, and says who waits for it.
    pub(crate) fn take_in(&mut self, told: &Arc<Told>) -> Vec<(RunId, Attempt)> {
        self.remember(told.clone());
        let waiting = self.listeners.get(&(told.tenant.clone(), told.event.kind.clone()));
        let fitting = waiting.into_iter().flatten().filter(|listener| listener.wanted.fits(&told.event));
        fitting.map(|listener| (listener.run, listener.attempt.clone())).collect()
    }

    /// Keeps an event for those who begin to wait for it later.
    pub(crate) fn remember(&mut self, told: Arc<Told>) {
        if self.recent.len() == RECENT_EVENTS {
            self.recent.pop_front();
        }
        self.recent.push_back(told);
    }

    /// Enters a step that waits, and gives the recent events since its run began that it waits for.
    fn listen(
        &mut self,
        tenant: &TenantName,
        run: RunId,
        attempt: Attempt,
        wanted: Expectation,
        since: Timestamp,
    ) -> Vec<Arc<Told>> {
        let fits = |told: &&Arc<Told>| told.tenant == *tenant && told.at >= since && wanted.fits(&told.event);
        let before = self.recent.iter().filter(fits).cloned().collect();
        let key = (tenant.clone(), wanted.event.clone());
        self.listeners.entry(key).or_default().push(Listener { run, attempt, wanted });
        before
    }

    /// Forgets every step of a run.
    pub(crate) fn forget(&mut self, tenant: &TenantName, run: &Run) {
        for event in listened_to(run) {
            let key = (tenant.clone(), event);
            if let Some(listeners) = self.listeners.get_mut(&key) {
                listeners.retain(|listener| listener.run != run.id);
                if listeners.is_empty() {
                    self.listeners.remove(&key);
                }
            }
        }
    }

    /// Forgets an event.
    pub(crate) fn erase(&mut self, event: EventId) {
        self.recent.retain(|told| told.id != event);
    }

    /// The recent events, oldest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &Arc<Told>> {
        self.recent.iter()
    }
}

/// The types of events that a run's contract ever waits for.
fn listened_to(run: &Run) -> impl Iterator<Item = EventName> + '_ {
    run.contract.steps().iter().filter_map(|step| match &step.kind {
        concordat_model::agree::Kind::Wait(concordat_model::agree::Wait::Event { event, .. }) => {
            Some(event.clone())
        }
        _ => None,
    })
}

impl Core {
    /// An event as a step publishes it.
    pub(crate) fn told_by_step(
        &self,
        run: &Run,
        attempt: &Attempt,
        kind: EventName,
        said: &Value,
        at: Timestamp,
    ) -> Told {
        let subject = said.get("subject").and_then(Value::as_str).map(str::to_owned);
        let event = CloudEvent {
            specversion: SpecVersion::V1,
            id: format!("{}/{}", run.id, attempt.step),
            source: self.scribe.source().to_owned(),
            kind,
            subject,
            time: Some(at),
            datacontenttype: None,
            dataschema: None,
            data: said.get("data").cloned().unwrap_or_default(),
        };
        Told { id: EventId::new(self.clock.uuid()), event, tenant: run.state.submitter.tenant.clone(), at }
    }

    /// The record of an event, and its content.
    pub(crate) fn seal_event(
        &self,
        told: &Told,
        from: Publisher,
        seq: u64,
        change: &mut Change,
    ) -> Result<(), EngineError> {
        let secret = self.secret()?;
        let form = digest::canonical(&told.event).map_err(no_form)?;
        let stored = payload::payload(form, Some(secret.salt()));
        let content = stored.0;
        let kind = record_type(&from);
        let recorded = EventRecorded {
            tenant: told.tenant.clone(),
            kind: told.event.kind.clone(),
            source: told.event.source.clone(),
            id: told.event.id.clone(),
            content,
            from,
        };
        let subject = told.id.to_string();
        let place = Place { subject: &subject, seq, at: told.at };
        change.records.push(self.scribe.seal_as(told.id.uuid(), kind, place, &recorded)?);
        let whose = Whose { tenant: told.tenant.clone(), subject: told.event.subject.clone() };
        change.sealed.push(Sealed { owner: subject, secret, whose: Some(whose), payloads: vec![stored] });
        Ok(())
    }

    /// Brings a recorded event to whoever waits for it.
    pub(crate) fn deliver(self: &Arc<Core>, told: Told) {
        let told = Arc::new(told);
        let waiting = self.world.write().events.take_in(&told);
        for (run, attempt) in waiting {
            self.send(run, Input::Heard { attempt, told: told.clone() });
        }
        self.pull_triggers(&told);
    }

    /// Enters the steps of a run that wait for events, once the run can be reached.
    pub(crate) fn listen(&self, run: &Run, listening: Vec<(Attempt, Expectation)>) {
        let (tenant, since) = (&run.state.submitter.tenant, run.state.received);
        for (attempt, wanted) in listening {
            let before = self.world.write().events.listen(tenant, run.id, attempt.clone(), wanted, since);
            for told in before {
                self.send(run.id, Input::Heard { attempt: attempt.clone(), told });
            }
        }
    }

    /// Gives an open run something to react to; a run that is over has no use for it.
    pub(crate) fn send(&self, run: RunId, input: Input) {
        if let Some(handle) = self.open.lock().get(&run) {
            drop(handle.inbox.send(Message { input, done: None }));
        }
    }
}

/// An event that was taken in, now or by an earlier request with the same source and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its id here.
    pub id: EventId,
    /// Whether it had been told before.
    pub replayed: bool,
}

impl Engine {
    /// Takes in an event; when this returns, it is on disk. The same source and id is one event, however often it is
    /// told.
    ///
    /// # Errors
    /// The event is wrong or too large, the caller may not, or nothing can be recorded.
    pub async fn publish(&self, caller: &Caller, event: CloudEvent) -> Result<Published, EngineError> {
        let core = &self.core;
        core.running()?;
        event.check()?;
        let bytes = digest::canonical(&event).map_err(no_form)?;
        if bytes.len() > LARGEST_EVENT {
            let message = format!("an event has at most {LARGEST_EVENT} bytes, not {}", bytes.len());
            return Err(EngineError::Invalid(
                concordat_model::problem::Problem::new("event-size", "", message).into(),
            ));
        }
        let tenant = caller.principal.tenant.clone();
        let resource = Resource {
            kind: ResourceKind::Event,
            id: None,
            tenant: Some(tenant.clone()),
            submitter: None,
            gate: None,
        };
        let access = self.permit(caller, Action::EventsPublish, resource).await?;
        let (whose, key, fingerprint) =
            (format!("{tenant}/event {}", event.source), event.id.clone(), Digest::of(&bytes));
        if let Some(published) = self.told_before(&whose, &key, fingerprint).await? {
            return Ok(published);
        }
        let told = Told { id: EventId::new(core.clock.uuid()), event, tenant, at: core.clock.now() };
        let mut change = Change::default();
        let subject = told.id.to_string();
        change.records.push(decided(core, &access, Place { subject: &subject, seq: 0, at: told.at })?);
        change.payloads.extend(access.payloads());
        let from = Publisher::Principal { name: caller.principal.name.clone(), access: access.decision.id };
        core.seal_event(&told, from, 1, &mut change)?;
        change.reply =
            Some(SavedReply { caller: whose.clone(), key: key.clone(), fingerprint, body: subject });
        let commit = core.store.commit(change);
        match core.durable_or_refused(commit).await {
            Ok(_) => {
                let id = told.id;
                core.deliver(told);
                Ok(Published { id, replayed: false })
            }
            Err(EngineError::Store(StoreError::Conflict(why))) => {
                self.told_before(&whose, &key, fingerprint).await?.ok_or(EngineError::Conflict(why))
            }
            Err(error) => Err(error),
        }
    }

    async fn told_before(
        &self,
        whose: &str,
        key: &str,
        fingerprint: Digest,
    ) -> Result<Option<Published>, EngineError> {
        match self.core.store.reply(whose, key).await? {
            None => Ok(None),
            Some(saved) if saved.fingerprint == fingerprint => {
                let id = saved.body.parse().map_err(|error| EngineError::PayloadOdd {
                    digest: fingerprint,
                    why: format!("{error}"),
                })?;
                Ok(Some(Published { id, replayed: true }))
            }
            Some(_) => Err(EngineError::Conflict(format!(
                "the source has told another event with the id `{key}`: an id is one event"
            ))),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`, which gives the error away")]
fn no_form(error: NoCanonicalForm) -> EngineError {
    EngineError::Conflict(error.to_string())
}
