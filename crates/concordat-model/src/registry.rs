//! The registry: which agents there are, as a fold over what was done to them.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::{Agent, Registration, Standing};
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId};
use crate::name::{AgentName, PrincipalName, SkillName};
use std::sync::Arc;

/// Something that was done to an agent's place in the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentEvent {
    /// It was registered.
    Registered {
        /// Its name.
        name: AgentName,
        /// The digest of its registration, which is stored beside the log.
        revision: Digest,
        /// Who registered it.
        by: PrincipalName,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It gets no more work.
    Suspended {
        /// Who suspended it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It gets work again.
    Restored {
        /// Who restored it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
}

impl AgentEvent {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            AgentEvent::Registered { .. } => "agent.registered",
            AgentEvent::Suspended { .. } => "agent.suspended",
            AgentEvent::Restored { .. } => "agent.restored",
        }
    }
}

/// Something that cannot be done to the registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Another agent has the name.
    #[error("an agent called `{0}` is registered already: choose another name")]
    NameTaken(AgentName),
    /// There is no such agent.
    #[error("there is no agent `{0}`")]
    Unknown(String),
    /// The agent stands so already.
    #[error("the agent `{name}` is {standing} already")]
    Already {
        /// The agent.
        name: AgentName,
        /// How it stands.
        standing: &'static str,
    },
}

/// All agents, and the ways to find them.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    agents: HashMap<AgentId, Arc<Agent>>,
    by_name: BTreeMap<AgentName, AgentId>,
    by_skill: HashMap<SkillName, Vec<AgentId>>,
}

impl Registry {
    /// Whether an agent of this name may be registered.
    ///
    /// # Errors
    /// The name is taken.
    pub fn may_register(&self, name: &AgentName) -> Result<(), RegistryError> {
        if self.by_name.contains_key(name) { Err(RegistryError::NameTaken(name.clone())) } else { Ok(()) }
    }

    /// Folds a registration.
    ///
    /// # Errors
    /// The name is taken.
    pub fn register(
        &mut self,
        id: AgentId,
        registration: Registration,
        revision: Digest,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        self.may_register(&registration.name)?;
        self.by_name.insert(registration.name.clone(), id);
        for skill in &registration.skills {
            self.by_skill.entry(skill.name.clone()).or_default().push(id);
        }
        let agent = Agent { id, registration, revision, standing: Standing::Eligible, registered: at };
        self.agents.insert(id, Arc::new(agent));
        Ok(())
    }

    /// Folds a suspension or a restoration.
    ///
    /// # Errors
    /// The agent is unknown, or stands so already.
    pub fn stand(&mut self, id: AgentId, standing: Standing) -> Result<(), RegistryError> {
        let agent = self.agents.get_mut(&id).ok_or_else(|| RegistryError::Unknown(id.to_string()))?;
        agent.may_become(&standing)?;
        let mut changed = Agent::clone(agent);
        changed.standing = standing;
        *agent = Arc::new(changed);
        Ok(())
    }

    /// An agent by its id.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Arc<Agent>> {
        self.agents.get(&id)
    }

    /// An agent by its id or its name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, id_or_name: &str) -> Result<&Arc<Agent>, RegistryError> {
        let id = id_or_name.parse().ok().or_else(|| self.by_name.get(&id_or_name.parse().ok()?).copied());
        let shown = || RegistryError::Unknown(id_or_name.chars().take(80).collect());
        id.and_then(|id| self.agents.get(&id)).ok_or_else(shown)
    }

    /// Every agent, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.by_name.values().filter_map(|id| self.agents.get(id))
    }

    /// Every agent that claims a skill, in the order of registration.
    pub fn claiming(&self, skill: &SkillName) -> impl Iterator<Item = &Arc<Agent>> {
        self.by_skill.get(skill).into_iter().flatten().filter_map(|id| self.agents.get(id))
    }
}

impl Agent {
    /// Whether the agent can come to stand so.
    ///
    /// # Errors
    /// It stands so already.
    pub fn may_become(&self, standing: &Standing) -> Result<(), RegistryError> {
        let name = || self.registration.name.clone();
        match (&self.standing, standing) {
            (Standing::Eligible, Standing::Eligible) => {
                Err(RegistryError::Already { name: name(), standing: "eligible" })
            }
            (Standing::Suspended { .. }, Standing::Suspended { .. }) => {
                Err(RegistryError::Already { name: name(), standing: "suspended" })
            }
            _ => Ok(()),
        }
    }
}
