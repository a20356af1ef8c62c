//! The registry: which agents there are, as a fold over what was done to them.

mod claims;
mod event;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::agent::{Agent, KnownBy, Placed, Probed, Proposed, Registration, Standing};
use crate::digest::Digest;
use crate::id::{AgentId, RunId};
use crate::name::{AgentName, DomainName, PrincipalName, SkillName};
use crate::work::Attempt;

use claims::Claims;
pub use event::AgentEvent;

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
        standing: Standing,
    },
    /// It cannot come to stand so from where it stands.
    #[error("the agent `{name}` is {from}, and cannot become {to}")]
    Cannot {
        /// The agent.
        name: AgentName,
        /// How it stands.
        from: Standing,
        /// How it was to stand.
        to: Standing,
    },
    /// An agent keeps its name: what is known of it is known by it.
    #[error("the agent `{name}` cannot become `{other}`: register `{other}` as an agent of its own")]
    Renamed {
        /// The agent.
        name: AgentName,
        /// What it was to be called.
        other: AgentName,
    },
    /// An agent keeps its owner: what stands against an owner is not left behind.
    #[error(
        "the agent `{0}` keeps its `owner`: retire it, and let the other owner register it under another name"
    )]
    Owned(AgentName),
    /// It is the registration in force already.
    #[error("that is the registration of `{0}` that is in force: nothing was changed")]
    Same(AgentName),
    /// No registration of it waits.
    #[error("nothing about the agent `{0}` waits for approval")]
    NothingProposed(AgentName),
    /// It has no credentials of its own.
    #[error("the agent `{0}` has no credentials of its own: there is nothing to change or take away")]
    NoCredentials(AgentName),
    /// The event says that it brings a registration, and there is none.
    #[error("the registration `{0}` is missing")]
    Missing(Digest),
}

/// All agents, and the ways to find them.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    agents: HashMap<AgentId, Arc<Agent>>,
    by_name: BTreeMap<AgentName, AgentId>,
    by_skill: Claims,
}

impl Registry {
    /// Whether an agent of this name may be registered.
    ///
    /// # Errors
    /// The name is taken.
    pub fn may_register(&self, name: &AgentName) -> Result<(), RegistryError> {
        if self.by_name.contains_key(name) { Err(RegistryError::NameTaken(name.clone())) } else { Ok(()) }
    }

    /// Folds an event; `brought` is the registration that it brings, if it brings one.
    ///
    /// # Errors
    /// It cannot have happened to the agent as it stands. Nothing is changed then.
    pub fn apply(
        &mut self,
        id: AgentId,
        event: &AgentEvent,
        brought: Option<Registration>,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        let brought = match (event.brings(), brought) {
            (Some(revision), None) => return Err(RegistryError::Missing(revision)),
            (_, brought) => brought,
        };
        let changed = match (event, brought) {
            (AgentEvent::Registered { revision, by, standing, tenant, .. }, Some(registration)) => {
                self.may_register(&registration.name)?;
                self.by_name.insert(registration.name.clone(), id);
                let mut agent = Agent::new(id, registration, *revision, at);
                (agent.author, agent.tenant) = (Some(by.clone()), tenant.clone());
                agent.standing = standing.unwrap_or(Standing::Eligible);
                agent
            }
            (event, brought) => {
                let mut agent = Agent::clone(self.known(id)?);
                agent.apply(event, brought, at)?;
                agent
            }
        };
        self.enter(changed);
        Ok(())
    }

    fn known(&self, id: AgentId) -> Result<&Arc<Agent>, RegistryError> {
        self.agents.get(&id).ok_or_else(|| RegistryError::Unknown(id.to_string()))
    }

    /// Puts an agent in its place, under the skills that it claims now.
    fn enter(&mut self, agent: Agent) {
        let agent = Arc::new(agent);
        let before = self.agents.insert(agent.id, agent.clone());
        self.by_skill.change(before.as_deref(), &agent);
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

    /// Every agent whose name comes after this one, by name.
    pub fn after(&self, name: &AgentName) -> impl Iterator<Item = &Arc<Agent>> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.by_name.range((Excluded(name.clone()), Unbounded)).filter_map(|(_, id)| self.agents.get(id))
    }

    /// How many agents claim a skill.
    #[must_use]
    pub fn claims(&self, skill: &SkillName) -> usize {
        self.by_skill.of(skill).len()
    }

    /// How many agents may be given work of a skill, in a domain or in any; it costs the same however many they are.
    #[must_use]
    pub fn ready(&self, skill: &SkillName, domain: Option<&DomainName>) -> usize {
        self.by_skill.ready(skill, domain)
    }

    /// Every agent that claims a skill, in the order of registration, begun at this place and around.
    pub fn claiming_from(&self, skill: &SkillName, place: usize) -> impl Iterator<Item = &Arc<Agent>> {
        let all = self.by_skill.of(skill);
        let (before, after) = all.split_at(place.checked_rem(all.len()).unwrap_or(0));
        after.iter().chain(before).filter_map(|id| self.agents.get(id))
    }

    /// Every agent that claims a skill, in the order of registration.
    pub fn claiming(&self, skill: &SkillName) -> impl Iterator<Item = &Arc<Agent>> {
        self.by_skill.of(skill).iter().filter_map(|id| self.agents.get(id))
    }
}

impl Agent {
    /// Folds an event that comes after the registration.
    fn apply(
        &mut self,
        event: &AgentEvent,
        brought: Option<Registration>,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        let placed =
            |by: &PrincipalName, reason: &String| Placed { by: Some(by.clone()), reason: reason.clone(), at };
        match (event, brought) {
            (AgentEvent::Suspended { by, reason, .. }, _) => {
                self.place(Standing::Suspended, placed(by, reason))
            }
            (AgentEvent::Quarantined { run, attempt }, _) => self.offended(*run, attempt, at),
            (AgentEvent::Restored { by, reason, .. }, _) => {
                self.place(Standing::Eligible, placed(by, reason))
            }
            (AgentEvent::Placed { to, by, reason, .. }, _) => self.place(*to, placed(by, reason)),
            (AgentEvent::Proposed { revision, by, reason, .. }, Some(registration)) => {
                self.may_change(&registration, *revision)?;
                let placed = placed(by, reason);
                self.proposed = Some(Proposed { registration, revision: *revision, placed });
                Ok(())
            }
            (AgentEvent::Revised { revision, author, by, reason, standing, .. }, Some(registration)) => {
                self.may_change(&registration, *revision)?;
                if *standing != self.standing {
                    self.place(*standing, placed(by, reason))?;
                }
                (self.registration, self.revision) = (registration, *revision);
                (self.author, self.proposed) = (Some(author.clone()), None);
                Ok(())
            }
            (AgentEvent::Declined { .. }, _) => match self.proposed.take() {
                Some(_) => Ok(()),
                None => Err(RegistryError::NothingProposed(self.registration.name.clone())),
            },
            (AgentEvent::Trying { skill, revision, instance, .. }, _) => {
                self.probed(skill, Probed::unknown(*revision, instance.as_deref(), at));
                Ok(())
            }
            (AgentEvent::Probed { skill, revision, result, problems, counts, examples, .. }, _) => {
                let (problems, examples) = (problems.clone(), examples.clone());
                let shown = result.shown();
                let counted = counts.then_some(at);
                let (revision, result) = (*revision, *result);
                self.probed(skill, Probed { revision, shown, counted, result, problems, examples, at });
                Ok(())
            }
            (AgentEvent::CredentialsSet { kind, origin, fingerprint, content, owner, by, .. }, _) => {
                let (kind, origin, fingerprint) = (kind.clone(), origin.clone(), fingerprint.clone());
                let (content, owner, by) = (*content, owner.clone(), by.clone());
                self.credentials = Some(KnownBy { kind, origin, fingerprint, content, owner, by, at });
                Ok(())
            }
            (AgentEvent::CredentialsRemoved { .. }, _) => match self.credentials.take() {
                Some(_) => Ok(()),
                None => Err(RegistryError::NoCredentials(self.registration.name.clone())),
            },
            // `Registry::apply` has seen to these.
            (AgentEvent::Registered { .. }, _) => {
                Err(RegistryError::NameTaken(self.registration.name.clone()))
            }
            (AgentEvent::Proposed { revision, .. } | AgentEvent::Revised { revision, .. }, None) => {
                Err(RegistryError::Missing(*revision))
            }
        }
    }

    /// Keeps it from work, because it broke a critical rule.
    fn offended(&mut self, run: RunId, attempt: &Attempt, at: Timestamp) -> Result<(), RegistryError> {
        let (number, step) = (attempt.number, &attempt.step);
        let reason = format!("it broke a critical rule with attempt {number} of `{step}` in `{run}`");
        self.place(Standing::Quarantined, Placed { by: None, reason, at })
    }

    /// Remembers a try; what it did not show, an earlier one of the same revision may have shown.
    fn probed(&mut self, skill: &SkillName, probed: Probed) {
        let before = self.probed.get(skill).filter(|before| before.revision == probed.revision);
        let shown = probed.shown.or_else(|| before.and_then(|before| before.shown));
        let counted = probed.counted.or_else(|| before.and_then(|before| before.counted));
        self.probed.insert(skill.clone(), Probed { shown, counted, ..probed });
    }

    fn place(&mut self, to: Standing, placed: Placed) -> Result<(), RegistryError> {
        self.may_become(to)?;
        (self.standing, self.placed) = (to, Some(placed));
        Ok(())
    }

    /// Whether the agent can come to stand so.
    ///
    /// # Errors
    /// It stands so already, or cannot come there.
    pub fn may_become(&self, to: Standing) -> Result<(), RegistryError> {
        let (name, from) = (self.registration.name.clone(), self.standing);
        match from {
            _ if from == to => Err(RegistryError::Already { name, standing: to }),
            _ if from.can_become(to) => Ok(()),
            _ => Err(RegistryError::Cannot { name, from, to }),
        }
    }

    /// Whether this can become the agent's registration.
    ///
    /// # Errors
    /// It is retired, or it is the one in force, or of another agent.
    pub fn may_change(&self, next: &Registration, revision: Digest) -> Result<(), RegistryError> {
        let (name, from) = (self.registration.name.clone(), self.standing);
        if from == Standing::Retired {
            return Err(RegistryError::Cannot { name, from, to: Standing::Eligible });
        }
        if next.name != name {
            return Err(RegistryError::Renamed { name, other: next.name.clone() });
        }
        if next.owner != self.registration.owner {
            return Err(RegistryError::Owned(name));
        }
        if revision == self.revision { Err(RegistryError::Same(name)) } else { Ok(()) }
    }

    /// How it stands once it is changed: what was eligible has to show itself anew.
    #[must_use]
    pub fn standing_when_changed(&self) -> Standing {
        if self.standing == Standing::Eligible { Standing::Probation } else { self.standing }
    }
}

#[cfg(test)]
mod tests;
