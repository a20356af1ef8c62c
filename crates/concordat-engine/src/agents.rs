//! Running the agents: register, suspend, restore, list.

use std::sync::Arc;

use concordat_model::agent::{Agent, Registration, Standing};
use concordat_model::digest;
use concordat_model::id::AgentId;
use concordat_model::problem::Problem;
use concordat_model::registry::AgentEvent;
use concordat_model::trust::{TrustKey, TrustView};
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use serde_json::Value;

use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::limits::AgentLimits;
use crate::ports::{CardDraft, CardWanted, Change};
use crate::scribe::Place;
use crate::world::World;

/// What is believed of an agent in one domain and skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// In what.
    pub key: TrustKey,
    /// How far.
    pub view: TrustView,
}

fn resource(id: Option<String>) -> Resource {
    Resource { kind: ResourceKind::Agent, id, tenant: None, submitter: None, gate: None }
}

impl Engine {
    /// Registers an agent.
    ///
    /// # Errors
    /// The registration is wrong, the address may not be contacted, the name is taken, or the caller may not.
    pub async fn register_agent(&self, caller: &Caller, document: Value) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let registration = Registration::read(document)?;
        if let Err(why) = self.core.transport.accepts(registration.binding.url()) {
            return Err(EngineError::Invalid(Problem::new("agent-address", "/binding/url", why).into()));
        }
        let access = self.permit(caller, Action::AgentsRegister, resource(None)).await?;
        let bytes =
            digest::canonical(&registration).map_err(|error| EngineError::Conflict(error.to_string()))?;
        let revision = digest::Digest::of(&bytes);
        let id = AgentId::new(self.core.clock.uuid());
        let event = AgentEvent::Registered {
            name: registration.name.clone(),
            revision,
            by: caller.principal.name.clone(),
            access: access.decision.id,
        };
        let payload = Some((revision, bytes));
        let at = self.core.clock.now();
        self.change_agent(id, &event, &access, payload, |world| {
            world.register(id, registration, revision, at)
        })
        .await?;
        self.agent(&id.to_string())
    }

    /// Reads an agent's card and drafts a registration of it. Nothing is registered by that.
    ///
    /// # Errors
    /// There is no such card, or it is not to be believed, or the caller may not register agents.
    pub async fn draft_agent(&self, caller: &Caller, wanted: CardWanted) -> Result<CardDraft, EngineError> {
        self.core.running()?;
        // Asked first: who may not register agents does not make us call anybody.
        self.permit(caller, Action::AgentsRegister, resource(None)).await?;
        let drafted = self.core.transport.describe(wanted).await;
        drafted.map_err(|why| EngineError::Invalid(Problem::new("agent-card", "/url", why).into()))
    }

    /// Keeps work from an agent until somebody restores it.
    ///
    /// # Errors
    /// There is no such agent, it is suspended already, or the caller may not.
    pub async fn suspend_agent(
        &self,
        caller: &Caller,
        agent: &str,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        let standing = Standing::Suspended { by: caller.principal.name.clone(), reason: reason.to_owned() };
        self.stand(caller, Action::AgentsSuspend, agent, reason, standing).await
    }

    /// Gives a suspended agent work again.
    ///
    /// # Errors
    /// There is no such agent, it is not suspended, or the caller may not.
    pub async fn restore_agent(
        &self,
        caller: &Caller,
        agent: &str,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.stand(caller, Action::AgentsRestore, agent, reason, Standing::Eligible).await
    }

    async fn stand(
        &self,
        caller: &Caller,
        action: Action,
        agent: &str,
        reason: &str,
        standing: Standing,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        // Policy first: who may not do this does not learn which agents there are.
        let access = self.permit(caller, action, resource(Some(agent.chars().take(80).collect()))).await?;
        let found = self.agent(agent)?;
        found.may_become(&standing)?;
        let id = found.id;
        let (by, reason) = (caller.principal.name.clone(), reason.to_owned());
        let event = match &standing {
            Standing::Eligible => AgentEvent::Restored { by, reason, access: access.decision.id },
            Standing::Suspended { .. } => AgentEvent::Suspended { by, reason, access: access.decision.id },
        };
        self.change_agent(id, &event, &access, None, |world| world.registry.stand(id, standing)).await?;
        self.agent(agent)
    }

    /// One event of one agent, with the access decision that let it happen.
    async fn change_agent(
        &self,
        id: AgentId,
        event: &AgentEvent,
        access: &Asked,
        payload: Option<(digest::Digest, Vec<u8>)>,
        fold: impl FnOnce(&mut World) -> Result<(), concordat_model::registry::RegistryError>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let subject = id.to_string();
        let commit = {
            let _nobody_chooses = core.standings.write();
            let mut world = core.world.write();
            fold(&mut world)?;
            let at = core.clock.now();
            let mut place = || Place { subject: &subject, seq: world.take_seq(&subject), at };
            let records = vec![
                decided(core, access, place())?,
                core.scribe.seal(&*core.clock, event.record_type(), place(), event)?,
            ];
            let mut payloads: Vec<_> = access.payloads().collect();
            payloads.extend(payload);
            core.store.commit(Change { records, payloads, ..Change::default() })
        };
        core.durable(commit).await.map(drop)
    }

    /// An agent by its id or name.
    ///
    /// # Errors
    /// There is none.
    pub fn agent(&self, id_or_name: &str) -> Result<Arc<Agent>, EngineError> {
        Ok(self.core.world.read().registry.find(id_or_name)?.clone())
    }

    /// Every agent, by name.
    #[must_use]
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.core.world.read().registry.all().cloned().collect()
    }

    /// What is believed of an agent, by domain and skill.
    #[must_use]
    pub fn trust_in(&self, agent: AgentId) -> Vec<Trusted> {
        let now = self.core.clock.now();
        let world = self.core.world.read();
        let keys = world.trust.of_agent(agent).map(|(key, _)| key);
        keys.map(|key| Trusted { key: key.clone(), view: world.trust.view(key, now) }).collect()
    }

    /// The number of calls that an agent is busy with.
    #[must_use]
    pub fn in_flight(&self, agent: AgentId) -> u32 {
        self.core.limits.in_flight(agent)
    }

    /// How an agent's limits stand: its rate, its breakers, its retry budgets.
    #[must_use]
    pub fn limits_of(&self, agent: &Agent) -> AgentLimits {
        self.core.limits.agent(agent)
    }
}
