//! Agents on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which agents a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AgentsQuery {
    /// Only agents that claim this skill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// Only agents that are registered for this domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// The registry, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentList {
    /// The agents.
    pub items: Vec<AgentRow>,
}

/// An agent in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentRow {
    /// The agent, `agt_…`.
    pub id: String,
    /// Its name, unique in the registry.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// The domains that it is registered for.
    pub domains: Vec<String>,
    /// The skills that it claims.
    pub skills: Vec<String>,
    /// Whether it gets work.
    pub state: AgentState,
    /// The calls that it is busy with.
    pub in_flight: u32,
    /// How it is reached.
    pub url: String,
    /// The digest of its registration.
    pub revision: String,
}

/// Whose card is to be read, and what the card does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardAsked {
    /// The protocol that the agent speaks.
    #[serde(default)]
    pub protocol: Speaks,
    /// The agent's address, or its card's, or the MCP server's endpoint.
    pub url: String,
    /// The domains that it is wanted for.
    pub domains: Vec<String>,
    /// Who answers for it; without it, its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The public key in PEM (Ed25519 or P-256) that the card has to be signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Where an agent says what it can do: in an A2A card, or in the list of tools of an MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Speaks {
    /// The Agent2Agent protocol.
    #[default]
    A2a,
    /// The Model Context Protocol.
    Mcp,
}

/// What a card comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentDraft {
    /// What could be registered.
    #[schema(value_type = Object)]
    pub registration: Value,
    /// What whoever registers it should know.
    pub notes: Vec<String>,
    /// Whether the card is signed by the key that was given.
    pub signed: bool,
}

/// Everything about one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentDetail {
    /// The agent in one line.
    #[serde(flatten)]
    pub row: AgentRow,
    /// Why it gets no work, when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered: Timestamp,
    /// What was registered, as its document says it.
    #[schema(value_type = Object)]
    pub registration: Value,
    /// How far it is trusted, by domain and skill.
    pub trust: Vec<Trust>,
    /// What it can take on at this moment.
    pub load: Load,
}

/// What an agent can take on at a moment. It is not stored: after a start of the server it is as new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// The calls that it is busy with.
    pub in_flight: u32,
    /// The most calls it takes at a time.
    pub concurrency: u32,
    /// The calls that may be made to it now, where a rate was registered or it asked to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_left: Option<u32>,
    /// Until when it asked to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rests_until: Option<Timestamp>,
    /// How it stands with each of its skills.
    pub skills: Vec<SkillLoad>,
}

/// How an agent stands with one skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillLoad {
    /// The skill.
    pub skill: String,
    /// Its circuit breaker: `closed`, `open` or `half_open`.
    pub breaker: String,
    /// When an open breaker lets one call try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// The retries that may be sent to it now.
    pub retries_left: u32,
}

/// Whether an agent gets work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It may be considered.
    Eligible,
    /// It gets nothing until somebody restores it.
    Suspended,
}

/// Why an agent gets no work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// Who suspended it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

/// What is believed of an agent in one domain and skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trust {
    /// The domain.
    pub domain: String,
    /// The skill.
    pub skill: String,
    /// The revision that earned it.
    pub revision: String,
    /// The expected share of good outcomes, in basis points.
    pub mean: u16,
    /// With 95 % certainty the true share is at least this, in basis points.
    pub lower_bound: u16,
    /// How many outcomes, faded with age, stand behind it.
    pub evidence: u32,
}
