//! The enroll gate: may this agent come to stand so, or be tried?

use concordat_model::agent::{Agent, Instance, Standing};
use concordat_model::contract::DataClass;
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::name::{AgentName, DomainName, PrincipalName, SkillName, TenantName};
use concordat_model::principal::Principal;
use concordat_model::work::Work;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the enroll gate is told. The access gate was asked before whether whoever wants it may ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollInput {
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who wants it; absent where Concordat tries a skill by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Principal>,
    /// The organisation of who registered the agent, where the log says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
    /// What they say about it; empty at a registration.
    pub reason: String,
    /// What is to happen.
    pub change: EnrollChange,
    /// The agent, as it would be.
    pub agent: EnrollAgent,
    /// Who sent the registration that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<PrincipalName>,
    /// How the agent stands; absent for one that is not registered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Standing>,
    /// How it is to stand.
    pub to: Standing,
    /// The top members of its registration that a change would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Whether the agent's card says so, and nobody has looked at it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_card: bool,
    /// What is to be tried; only where a skill is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<EnrollTry>,
}

/// What is to happen to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrollChange {
    /// It comes into the registry. Where people have to look first, it waits as proposed.
    Register,
    /// It gets another registration. Where people have to look first, that waits beside the one in force.
    Revise,
    /// It comes to stand otherwise.
    Place,
    /// One of its skills is tried with its example.
    Probe,
    /// It is to know us by other credentials, or by none of its own.
    Credentials,
}

/// An agent as the enroll gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollAgent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// The digest of its registration.
    pub revision: Digest,
    /// Who answers for it.
    pub owner: String,
    /// Where it is reached.
    pub url: String,
    /// Every place where it works, where there are several or the region matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
    /// The domains that it is registered for.
    pub domains: Vec<DomainName>,
    /// The regimes that its handling of data was assessed against.
    pub compliance: Vec<String>,
    /// The classes of data that it may be given.
    pub data_classes: Vec<DataClass>,
    /// What it says it can do.
    pub skills: Vec<EnrollSkill>,
}

/// A skill as the enroll gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollSkill {
    /// The skill.
    pub name: SkillName,
    /// Whether there is an example that it can be tried with.
    pub example: bool,
    /// Whether it was tried and did what the agent says; absent where that is not known of this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A try of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollTry {
    /// The skill.
    pub skill: SkillName,
    /// The digest of what the agent is given: the skill's own example.
    pub params: Digest,
    /// The instance that it is sent to, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl EnrollAgent {
    /// An agent with the skills that its registration claims.
    #[must_use]
    pub fn of(agent: &Agent) -> EnrollAgent {
        let registration = &agent.registration;
        let skills = registration.skills.iter().map(|skill| EnrollSkill {
            name: skill.name.clone(),
            example: skill.can_be_tried(),
            verified: agent.verified(&skill.name),
        });
        EnrollAgent {
            id: agent.id,
            name: registration.name.clone(),
            revision: agent.revision,
            owner: registration.owner.clone(),
            url: registration.binding.url().to_owned(),
            instances: registration.instances.clone(),
            domains: registration.domains.clone(),
            compliance: registration.compliance.clone(),
            data_classes: registration.data_classes.clone(),
            skills: skills.collect(),
        }
    }
}

impl EnrollInput {
    /// Whether policy is asked about exactly this work for exactly this agent.
    #[must_use]
    pub(crate) fn tries(&self, work: &Work, agent: &Agent) -> bool {
        let places = agent.registration.places();
        self.change == EnrollChange::Probe
            && (self.agent.id, self.agent.revision) == (agent.id, agent.revision)
            && self.tried.as_ref().is_some_and(|tried| {
                (&tried.skill, tried.params) == (&work.skill, work.params_digest)
                    && places.contains(&tried.instance.as_deref())
            })
    }
}
