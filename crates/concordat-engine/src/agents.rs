//! The registry: register agents, change them, let them stand otherwise, try them.
//!
//! Whoever wants something is put before the `access` gate, and then the change itself before the `enroll` gate
//! (`agents/enroll.rs`). How a registration is changed is in `agents/revise.rs`, how skills are tried in
//! `agents/probe.rs`, and what agents know us by in `agents/credentials.rs`.

mod credentials;
mod enroll;
mod probe;
mod revise;

use std::sync::Arc;

use concordat_model::agent::{Agent, Registration, Standing};
use concordat_model::id::AgentId;
use concordat_model::name::AgentName;
use concordat_model::problem::Problem;
use concordat_model::trust::{TrustKey, TrustView};
use concordat_policy::input::{Action, EnrollChange, Resource, ResourceKind};
use serde_json::Value;

use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::limits::AgentLimits;
use crate::ports::{CardDraft, CardWanted};

pub(crate) use self::enroll::{Brought, Enrolling};
pub use self::revise::Approval;

/// What is believed of an agent in one domain and skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// In what.
    pub key: TrustKey,
    /// How far.
    pub view: TrustView,
}

/// How somebody wants an agent to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Out of work, until somebody restores it.
    Suspend,
    /// Out of work, because something was found that has to be looked at.
    Quarantine,
    /// In work again, after either of them.
    Restore,
    /// In work where little is at stake.
    Probation,
    /// Out of work for good.
    Retire,
}

impl Placing {
    fn to(self) -> Standing {
        match self {
            Placing::Suspend => Standing::Suspended,
            Placing::Quarantine => Standing::Quarantined,
            Placing::Restore => Standing::Eligible,
            Placing::Probation => Standing::Probation,
            Placing::Retire => Standing::Retired,
        }
    }

    fn action(self) -> Action {
        match self {
            Placing::Suspend | Placing::Quarantine => Action::AgentsSuspend,
            Placing::Restore => Action::AgentsRestore,
            Placing::Probation | Placing::Retire => Action::AgentsEnroll,
        }
    }

    /// Only what was taken out of work can be restored; everything else has to be approved.
    fn fits(self, from: Standing) -> bool {
        self != Placing::Restore || matches!(from, Standing::Suspended | Standing::Quarantined)
    }
}

fn resource(id: Option<&str>) -> Resource {
    let id = id.map(|id| id.chars().take(80).collect());
    Resource { kind: ResourceKind::Agent, id, tenant: None, submitter: None, gate: None }
}

fn conflict(why: String) -> EngineError {
    EngineError::Conflict(why)
}

impl Engine {
    /// Registers an agent. Where policy wants people to look first, it waits as proposed.
    ///
    /// # Errors
    /// The registration is wrong, the address may not be contacted, the name is taken, or the caller may not.
    pub async fn register_agent(&self, caller: &Caller, document: Value) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let registration = self.readable(document)?;
        let access = self.permit(caller, Action::AgentsRegister, resource(None)).await?;
        let brought = Brought::of(registration)?;
        let id = AgentId::new(self.core.clock.uuid());
        let at = self.core.clock.now();
        self.enroll(&access, |world| {
            world.registry.may_register(&brought.registration.name)?;
            Ok(Enrolling {
                agent: Agent {
                    tenant: Some(caller.principal.tenant.clone()),
                    ..Agent::new(id, brought.registration.clone(), brought.revision, at)
                },
                by: caller.principal.clone(),
                author: Some(caller.principal.name.clone()),
                reason: String::new(),
                change: EnrollChange::Register,
                from: None,
                to: Standing::Eligible,
                changed: Vec::new(),
                brought: Some(brought),
                credentials: None,
                waits: true,
            })
        })
        .await?;
        self.agent(&id.to_string())
    }

    /// Reads a registration, and checks where the agent is.
    fn readable(&self, document: Value) -> Result<Registration, EngineError> {
        self.reachable(Registration::read(document)?)
    }

    /// A registration of an agent that may be contacted.
    fn reachable(&self, registration: Registration) -> Result<Registration, EngineError> {
        // Each place is looked at, and again whenever it is connected to.
        let places = registration.instances.iter().enumerate();
        let places = places.map(|(nth, one)| (format!("/instances/{nth}/url"), one.url.as_str()));
        let binding = ("/binding/url".to_owned(), registration.binding.url());
        let refused = std::iter::once(binding).chain(places).find_map(|(place, url)| {
            let why = self.core.transport.accepts(url).err()?;
            Some(Problem::new("agent-address", place, why))
        });
        match refused {
            None => Ok(registration),
            Some(problem) => Err(EngineError::Invalid(problem.into())),
        }
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

    /// Lets an agent stand otherwise.
    ///
    /// # Errors
    /// There is no such agent, it stands so already or cannot come there, or policy does not permit it.
    pub async fn place_agent(
        &self,
        caller: &Caller,
        agent: &str,
        placing: Placing,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        // Policy first: who may not do this does not learn which agents there are.
        let access = self.permit(caller, placing.action(), resource(Some(agent))).await?;
        self.enroll(&access, |world| {
            let found = world.registry.find(agent)?;
            let to = placing.to();
            found.may_become(to)?;
            if !placing.fits(found.standing) {
                let (name, stands) = (&found.registration.name, found.standing);
                return Err(conflict(format!(
                    "the agent `{name}` is {stands}, so there is nothing to restore: approve it instead"
                )));
            }
            Ok(Enrolling::place(found, to, caller, reason))
        })
        .await?;
        self.agent(agent)
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

    /// At most so many of the agents that are wanted, by name, after this one.
    #[must_use]
    pub fn agents_after(
        &self,
        after: Option<&AgentName>,
        most: usize,
        wanted: &dyn Fn(&Agent) -> bool,
    ) -> Vec<Arc<Agent>> {
        let world = self.core.world.read();
        let registry = &world.registry;
        match after {
            Some(name) => registry.after(name).filter(|agent| wanted(agent)).take(most).cloned().collect(),
            None => registry.all().filter(|agent| wanted(agent)).take(most).cloned().collect(),
        }
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
