//! One trigger pulled: its owner's authority asked for, its contract submitted, and what came of it recorded.

use std::sync::Arc;

use concordat_model::agree::{Contract, ContractForm};
use concordat_model::digest::Digest;
use concordat_model::reference::{Source, Sourced, resolve};
use concordat_model::run::event::Origin;
use concordat_model::submission::{Submission, Submitted};
use concordat_model::trigger::{Overlap, TriggerEvent};
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Pulled, Trigger, subject};
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::events::Told;
use crate::input::{Input, Order, Ordered};
use crate::submit::Keyed;
use crate::world::World;

/// The triggers that this event pulls, with the recent events that it takes.
pub(super) fn pulled(world: &World, told: &Told) -> Vec<Pulled> {
    let waiting = world.triggers.of(&told.tenant).filter(|trigger| trigger.since <= told.at);
    waiting.filter_map(|trigger| pulled_by(world, trigger, told)).collect()
}

fn pulled_by(world: &World, trigger: &Trigger, told: &Told) -> Option<Pulled> {
    let events = trigger.document.spec.event.as_ref()?;
    let wanted = events.expectation();
    if !wanted.fits(&told.event) {
        return None;
    }
    let said = serde_json::to_value(&told.event).ok()?;
    let occasion = told.id.to_string();
    if events.count <= 1 {
        return Some(Pulled { trigger: trigger.clone(), occasion, said });
    }
    let group = |event: &Value| {
        let path = events.by.as_deref()?;
        path.split('.').try_fold(event, |value, name| value.get(name)).cloned()
    };
    let of_group = |other: &&Arc<Told>| {
        other.tenant == told.tenant
            && other.at >= trigger.since
            && wanted.fits(&other.event)
            && group(&other.event.data) == group(&told.event.data)
    };
    // Every so many events of a group make one occasion, the last of them.
    let all: Vec<&Arc<Told>> = world.events.recent().filter(of_group).collect();
    let mut from = 0;
    while let Some(rest) = all.get(from..) {
        let moments: Vec<Timestamp> = rest.iter().map(|one| one.at).collect();
        let range = wanted.met_by(&moments)?;
        let last = rest.get(range.end.checked_sub(1)?)?;
        if last.id == told.id {
            let events: Vec<&concordat_model::cloud_event::CloudEvent> =
                rest.get(range)?.iter().map(|one| &one.event).collect();
            let mut said = said;
            said.as_object_mut()?.insert("events".to_owned(), serde_json::to_value(events).ok()?);
            return Some(Pulled { trigger: trigger.clone(), occasion, said });
        }
        from += range.end;
    }
    None
}

/// A trigger pulled by a scheduled moment. Of moments that were missed, only the last one counts.
pub(super) fn at_moment(trigger: &Trigger, moment: Timestamp, now: Timestamp) -> Pulled {
    let schedule = trigger.document.spec.schedule.as_ref();
    let mut last = moment;
    while let Some(next) = schedule.and_then(|schedule| schedule.after(last)).filter(|next| *next <= now) {
        last = next;
    }
    Pulled { trigger: trigger.clone(), occasion: last.to_string(), said: json!({"time": last}) }
}

impl Engine {
    /// Starts what a pulled trigger starts, once for each occasion; what keeps it from that is recorded.
    pub(crate) async fn fire(&self, pulled: Pulled) {
        let (tenant, name) = (&pulled.trigger.owner.principal.tenant, &pulled.trigger.document.metadata.name);
        let subject = subject(tenant, name);
        let occasion = pulled.occasion.clone();
        let result = self.start_triggered(&pulled, &subject).await;
        let refused = match result {
            Ok(()) => None,
            // The occasion stays open for the next start.
            Err(EngineError::Halted(_) | EngineError::Draining) => return,
            Err(error) => {
                tracing::warn!(trigger = %name, %occasion, "the trigger {name} started nothing: {error}");
                Some(error.to_string().chars().take(500).collect())
            }
        };
        let event = TriggerEvent::Fired { occasion, refused };
        if let Err(error) = self.change_trigger(&subject, &event, None).await {
            tracing::error!(trigger = %name, %error, "what came of the trigger {name} could not be recorded: {error}");
        }
    }

    async fn start_triggered(&self, pulled: &Pulled, subject: &str) -> Result<(), EngineError> {
        let core = &self.core;
        let Pulled { trigger, occasion, said } = pulled;
        let owner = &trigger.owner;
        let revoked = core.world.read().keys.key(owner.key).is_none_or(|key| key.revoked.is_some());
        if revoked {
            return Err(EngineError::Conflict(format!(
                "the key {} with which it was written was taken back",
                owner.key
            )));
        }
        let keyed = Keyed {
            caller: subject.to_owned(),
            key: occasion.clone(),
            fingerprint: Digest::of(occasion.as_bytes()),
        };
        if core.store.reply(&keyed.caller, &keyed.key).await?.is_some() {
            return Ok(());
        }
        let resource = Resource {
            kind: ResourceKind::Contract,
            id: None,
            tenant: Some(owner.principal.tenant.clone()),
            submitter: Some(owner.principal.name.clone()),
            gate: None,
        };
        let _looking = core.look_at(owner)?;
        let access = self.permit(owner, Action::ContractsSubmit, resource).await?;
        self.make_room(trigger, owner).await?;
        let submission = self.submission(trigger, said)?;
        let name = trigger.document.metadata.name.clone();
        let origin = Origin::Triggered { trigger: name, occasion: occasion.clone() };
        self.take_in(owner, submission, &access, Some(keyed), origin).await.map(drop)
    }

    /// Does what the trigger says about contracts that it started and that are not over.
    async fn make_room(&self, trigger: &Trigger, owner: &Caller) -> Result<(), EngineError> {
        let key = (owner.principal.tenant.clone(), trigger.document.metadata.name.clone());
        let open: Vec<_> =
            self.core.world.read().triggers.open.get(&key).into_iter().flatten().copied().collect();
        match trigger.document.spec.overlap {
            Overlap::Skip if !open.is_empty() => {
                Err(EngineError::Conflict("the contract that it started last is not over".to_owned()))
            }
            Overlap::Allow | Overlap::Skip => Ok(()),
            Overlap::Replace => {
                for run in open {
                    let resource = Resource {
                        kind: ResourceKind::Contract,
                        id: Some(run.to_string()),
                        tenant: Some(owner.principal.tenant.clone()),
                        submitter: Some(owner.principal.name.clone()),
                        gate: None,
                    };
                    let access = self.permit(owner, Action::ContractsCancel, resource).await?;
                    let reason =
                        format!("its trigger `{}` starts another one", trigger.document.metadata.name);
                    let by = owner.principal.name.clone();
                    let order = Ordered { order: Order::Cancel, by, reason, access };
                    // One that ended or stops in this moment needs no order.
                    drop(self.tell_run(run, Input::Ordered(order)).await);
                }
                Ok(())
            }
        }
    }

    fn submission(&self, trigger: &Trigger, said: &Value) -> Result<Submission, EngineError> {
        let spec = &trigger.document.spec;
        let said = Arc::new(said.clone());
        let source = |source: &Source| match source {
            Source::Event => Sourced::Value(said.clone()),
            _ => Sourced::Missing,
        };
        let input = resolve(&Value::Object(spec.input.clone()), &source)
            .map_err(|lost| EngineError::Conflict(lost.to_string()))?;
        let template = self
            .core
            .templates
            .find(&spec.template)
            .map_err(|error| EngineError::Conflict(error.to_string()))?;
        let contract = concordat_model::submission::with_templates(template.clone(), &self.core.templates)?;
        let label = concordat_model::submission::label_of(&contract, "/spec/template")?;
        let contract = Contract::agree(ContractForm { contract, input })?;
        Ok(Submission::of_one(Submitted { label, contract })?)
    }
}
