//! Holds: what must be kept.

use concordat_model::hold::{Held, Hold, HoldEvent};
use concordat_model::id::HoldId;
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};

use super::belongings::Belongings;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::Change;
use crate::scribe::Place;

impl Engine {
    /// Keeps something of the caller's organisation from being forgotten.
    ///
    /// # Errors
    /// There is no such contract, the caller may not, or it cannot be recorded.
    pub async fn set_hold(&self, caller: &Caller, held: Held, reason: &str) -> Result<Hold, EngineError> {
        let core = &self.core;
        core.running()?;
        let access = self.permit(caller, Action::HoldsSet, resource(caller, None)).await?;
        let tenant = caller.principal.tenant.clone();
        if let Held::Contract { run } = held {
            let id = run.to_string();
            let found = Belongings::of(&*core.store, &id).await?.filter(|found| found.tenant == tenant);
            if found.is_none() {
                return Err(EngineError::NotFound { what: "contract", id });
            }
            if let Some(record) = core.store.forgotten(&id).await? {
                return Err(EngineError::Forgotten { id, record });
            }
        }
        let id = HoldId::new(core.clock.uuid());
        let event = HoldEvent::Set {
            tenant,
            held,
            reason: reason.to_owned(),
            by: caller.principal.name.clone(),
            access: access.decision.id,
        };
        self.change_hold(id, &event, &access).await?;
        self.hold(caller, id)
    }

    /// Lets what was held be forgotten again.
    ///
    /// # Errors
    /// There is no such hold, the caller may not, or it cannot be recorded.
    pub async fn release_hold(&self, caller: &Caller, id: HoldId, reason: &str) -> Result<Hold, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::HoldsRelease, resource(caller, Some(id))).await?;
        let hold = self.hold(caller, id)?;
        let (reason, by) = (reason.to_owned(), caller.principal.name.clone());
        let event = HoldEvent::Released { reason, by, access: access.decision.id };
        self.change_hold(id, &event, &access).await?;
        Ok(hold)
    }

    /// What is held of the caller's organisation, oldest first.
    ///
    /// # Errors
    /// The caller may not see it.
    pub async fn holds(&self, caller: &Caller) -> Result<Vec<Hold>, EngineError> {
        self.permit(caller, Action::HoldsRead, resource(caller, None)).await?;
        Ok(self.core.world.read().holds.of(&caller.principal.tenant).cloned().collect())
    }

    fn hold(&self, caller: &Caller, id: HoldId) -> Result<Hold, EngineError> {
        let world = self.core.world.read();
        let found = world.holds.get(id).filter(|hold| hold.tenant == caller.principal.tenant);
        found.cloned().ok_or(EngineError::NotFound { what: "hold", id: id.to_string() })
    }

    async fn change_hold(&self, id: HoldId, event: &HoldEvent, access: &Asked) -> Result<(), EngineError> {
        let core = &self.core;
        // Whoever forgets looks for holds and hands over what is forgotten while nobody sets one.
        let _nobody_forgets = core.forgetting.lock().await;
        let subject = id.to_string();
        let commit = {
            let mut world = core.world.write();
            let at = core.clock.now();
            let mut place = || Place { subject: &subject, seq: world.take_seq(&subject), at };
            let records = vec![
                decided(core, access, place())?,
                core.scribe.seal(&*core.clock, event.record_type(), place(), event)?,
            ];
            world.holds.apply(id, event, at);
            core.store.commit(Change::after(access, records))
        };
        core.durable(commit).await.map(drop)
    }
}

fn resource(caller: &Caller, id: Option<HoldId>) -> Resource {
    Resource {
        kind: ResourceKind::Contents,
        id: id.map(|id| id.to_string()),
        tenant: Some(caller.principal.tenant.clone()),
        submitter: None,
        gate: None,
    }
}
