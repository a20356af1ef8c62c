//! Triggers: events and moments that start contracts, in the name of whoever wrote them.
//!
//! A trigger has no authority of its own: each time, the access gate is asked whether its owner may submit now. One
//! event or moment starts one contract, however often it is looked at.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use concordat_model::id::RunId;
use concordat_model::name::{TenantName, TriggerName};
use concordat_model::run::Run;
use concordat_model::run::event::Origin;
use concordat_model::trigger::{TriggerDocument, TriggerEvent};
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::events::Told;
use crate::ports::Change;
use crate::scribe::Place;

mod fire;

/// A trigger as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// What was written.
    pub document: TriggerDocument,
    /// In whose name it starts contracts, and with which key it was written.
    pub owner: Caller,
    /// Since when.
    pub since: Timestamp,
    /// What it reacted to last.
    pub last: Option<Reaction>,
}

/// What a trigger reacted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The event or the scheduled moment.
    pub occasion: String,
    /// When it reacted.
    pub at: Timestamp,
    /// Why it started no contract, if it did not.
    pub refused: Option<String>,
}

impl Trigger {
    /// The next scheduled moment.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let from = self.last.as_ref().and_then(|last| last.occasion.parse().ok()).unwrap_or(self.since);
        self.document.spec.schedule.as_ref()?.after(from)
    }
}

/// Every trigger, and what it started.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    all: BTreeMap<(TenantName, TriggerName), Trigger>,
    /// The runs that are not over, by the trigger that started them.
    open: HashMap<(TenantName, TriggerName), HashSet<RunId>>,
}

/// The subject under which a trigger stands in the log.
fn subject(tenant: &TenantName, name: &TriggerName) -> String {
    format!("trigger/{tenant}/{name}")
}

fn key_of(subject: &str) -> Option<(TenantName, TriggerName)> {
    let (tenant, name) = subject.strip_prefix("trigger/")?.split_once('/')?;
    Some((tenant.parse().ok()?, name.parse().ok()?))
}

impl Triggers {
    /// Folds one event of a trigger.
    pub(crate) fn apply(&mut self, subject: &str, event: &TriggerEvent, at: Timestamp) {
        let Some(key) = key_of(subject) else { return };
        match event {
            TriggerEvent::Applied { document, owner, key: with, .. } => {
                let owner = Caller { key: *with, principal: owner.clone() };
                let trigger = Trigger { document: (**document).clone(), owner, since: at, last: None };
                self.all.insert(key, trigger);
            }
            TriggerEvent::Removed { .. } => {
                self.all.remove(&key);
            }
            TriggerEvent::Fired { occasion, refused } => {
                if let Some(trigger) = self.all.get_mut(&key) {
                    let (occasion, refused) = (occasion.clone(), refused.clone());
                    trigger.last = Some(Reaction { occasion, at, refused });
                }
            }
        }
    }

    /// Notes a run that a trigger started, or that it is over.
    pub(crate) fn note(&mut self, run: &Run) {
        let Origin::Triggered { trigger, .. } = &run.state.origin else { return };
        let key = (run.state.submitter.tenant.clone(), trigger.clone());
        let open = self.open.entry(key).or_default();
        if run.state.is_ended() {
            open.remove(&run.id);
        } else {
            open.insert(run.id);
        }
    }

    /// The triggers of an organisation, by name.
    fn of<'t>(&'t self, tenant: &'t TenantName) -> impl Iterator<Item = &'t Trigger> + 't {
        self.all.iter().filter(move |((whose, _), _)| whose == tenant).map(|(_, trigger)| trigger)
    }

    /// The first scheduled moment of any trigger, and the triggers with theirs.
    fn scheduled(&self) -> Vec<(Timestamp, Trigger)> {
        self.all.values().filter_map(|trigger| Some((trigger.next()?, trigger.clone()))).collect()
    }
}

fn resource(tenant: &TenantName, name: Option<&TriggerName>) -> Resource {
    Resource {
        kind: ResourceKind::Trigger,
        id: name.map(ToString::to_string),
        tenant: Some(tenant.clone()),
        submitter: None,
        gate: None,
    }
}

impl Engine {
    /// Writes a trigger, or writes it anew.
    ///
    /// # Errors
    /// It is wrong, names no known template, the caller may not, or it cannot be recorded.
    pub async fn apply_trigger(
        &self,
        caller: &Caller,
        document: TriggerDocument,
    ) -> Result<Trigger, EngineError> {
        let core = &self.core;
        core.running()?;
        document.check()?;
        core.templates.find(&document.spec.template).map_err(|error| {
            concordat_model::problem::Problems::from(concordat_model::problem::Problem::new(
                "template-unknown",
                "/spec/template",
                error.to_string(),
            ))
        })?;
        let (tenant, name) = (caller.principal.tenant.clone(), document.metadata.name.clone());
        let access = self.permit(caller, Action::TriggersWrite, resource(&tenant, Some(&name))).await?;
        let (owner, key) = (caller.principal.clone(), caller.key);
        let event =
            TriggerEvent::Applied { document: Box::new(document), owner, key, access: access.decision.id };
        self.change_trigger(&subject(&tenant, &name), &event, Some(&access)).await?;
        core.schedules.notify_one();
        self.trigger(&tenant, &name)
    }

    /// Takes a trigger away. What it has started goes on.
    ///
    /// # Errors
    /// There is none, the caller may not, or it cannot be recorded.
    pub async fn remove_trigger(&self, caller: &Caller, name: &TriggerName) -> Result<Trigger, EngineError> {
        self.core.running()?;
        let tenant = caller.principal.tenant.clone();
        let access = self.permit(caller, Action::TriggersWrite, resource(&tenant, Some(name))).await?;
        let trigger = self.trigger(&tenant, name)?;
        let event = TriggerEvent::Removed { by: caller.principal.name.clone(), access: access.decision.id };
        self.change_trigger(&subject(&tenant, name), &event, Some(&access)).await?;
        self.core.schedules.notify_one();
        Ok(trigger)
    }

    /// The triggers of the caller's organisation, by name.
    ///
    /// # Errors
    /// The caller may not see them.
    pub async fn triggers(&self, caller: &Caller) -> Result<Vec<Trigger>, EngineError> {
        let tenant = &caller.principal.tenant;
        self.permit(caller, Action::TriggersRead, resource(tenant, None)).await?;
        Ok(self.core.world.read().triggers.of(tenant).cloned().collect())
    }

    fn trigger(&self, tenant: &TenantName, name: &TriggerName) -> Result<Trigger, EngineError> {
        let missing = || EngineError::NotFound { what: "trigger", id: name.to_string() };
        let key = (tenant.clone(), name.clone());
        self.core.world.read().triggers.all.get(&key).cloned().ok_or_else(missing)
    }

    async fn change_trigger(
        &self,
        subject: &str,
        event: &TriggerEvent,
        access: Option<&concordat_policy::Asked>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let commit = {
            let mut world = core.world.write();
            let at = core.clock.now();
            let mut change = Change::default();
            if let Some(access) = access {
                change.records.push(decided(
                    core,
                    access,
                    Place { subject, seq: world.take_seq(subject), at },
                )?);
                change.payloads.extend(access.payloads());
            }
            let place = Place { subject, seq: world.take_seq(subject), at };
            change.records.push(core.scribe.seal(&*core.clock, event.record_type(), place, event)?);
            world.triggers.apply(subject, event, at);
            core.store.commit(change)
        };
        core.durable(commit).await.map(drop)
    }
}

impl Core {
    /// Starts what an event starts.
    pub(crate) fn pull_triggers(self: &Arc<Core>, told: &Told) {
        for pulled in fire::pulled(&self.world.read(), told) {
            let engine = Engine { core: self.clone() };
            tokio::spawn(async move { engine.fire(pulled).await });
        }
    }

    /// Starts what scheduled moments start, until the engine halts.
    pub(crate) async fn keep_schedules(self: Arc<Core>) {
        let mut halted = self.halted.subscribe();
        loop {
            let scheduled = self.world.read().triggers.scheduled();
            let now = self.clock.now();
            for (moment, trigger) in scheduled.iter().filter(|(moment, _)| *moment <= now) {
                let engine = Engine { core: self.clone() };
                engine.fire(fire::at_moment(trigger, *moment, now)).await;
            }
            let next = scheduled.iter().map(|(moment, _)| *moment).filter(|moment| *moment > now).min();
            let pause = next.map_or(LONGEST_PAUSE, |moment| {
                Duration::try_from(moment.duration_since(now)).unwrap_or_default().min(LONGEST_PAUSE)
            });
            let pause =
                if scheduled.iter().any(|(moment, _)| *moment <= now) { Duration::ZERO } else { pause };
            tokio::select! {
                biased;
                _ = halted.wait_for(Option::is_some) => return,
                () = self.schedules.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// The longest pause between two looks at the schedules.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What pulls a trigger, and what it says.
pub(crate) struct Pulled {
    pub(crate) trigger: Trigger,
    pub(crate) occasion: String,
    pub(crate) said: Value,
}
