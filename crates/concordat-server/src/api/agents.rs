//! Agents on the wire.

use std::collections::BTreeMap;

use concordat_engine::InstanceLimits;
use concordat_policy::input;
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
    /// Only agents that stand so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AgentState>,
    /// Only agents with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only agents that were assessed against this regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<String>,
    /// Only agents that are trusted at least so far, in basis points: in the skill and the domain that are asked for,
    /// or in anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(maximum = 10_000)]
    pub least_trust: Option<u16>,
    /// How many, at most 1000; as many without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Where the page before ended, as it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Why a registration is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReviseQuery {
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[param(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// The yes or no to what waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGiven {
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The revision that was looked at: nothing else is approved then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether the agent comes on probation only; for an agent that waits itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probation: bool,
}

/// Which skill is to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeAsked {
    /// The skill; without it, every skill with an example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
}

/// Why a card is read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshAsked {
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The public key in PEM (Ed25519 or P-256) that the card has to be signed by; without it, the one that was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The registry, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentList {
    /// The agents.
    pub items: Vec<AgentRow>,
    /// What asks for the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
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
    /// The steps that wait for it, or for others as well.
    #[serde(default)]
    pub waiting: u32,
    /// What happened at it lately; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
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
    /// Who made it stand as it does, and why, unless that was its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Placement>,
    /// Who sent the registration that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A change of its registration that waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<ProposedRevision>,
    /// Which of its skills were tried, and what came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<SkillTried>,
    /// What it knows us by, if that is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<AgentCredentials>,
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

/// What an agent is to know us by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsGiven {
    /// One credential, or a list of one that is said and a certificate beside it: `{"type": "bearer", "token": "…"}`,
    /// `{"type": "api_key", "header": "…", "key": "…"}`, `{"type": "oauth2", "tokenUrl": "…", "clientId": "…",
    /// "clientSecret": "…", "scope": "…"}`, `{"type": "client_certificate", "certificate": "PEM", "key": "PEM",
    /// "authority": "PEM"}`. It is never shown again.
    #[schema(value_type = Object)]
    pub credentials: Value,
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// What an agent knows us by, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentCredentials {
    /// What kind it is, such as `bearer`.
    pub kind: String,
    /// The only place that it is sent to.
    pub origin: String,
    /// What it is told apart by, which does not tell what it is.
    pub fingerprint: String,
    /// Who set it.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it is sent: not once the agent is at another origin.
    pub used: bool,
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
    /// How its instances stand, where it has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceLoad>,
}

/// What happened at an agent within the last five minutes: what policy sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The calls that came back, or did not.
    pub calls: u32,
    /// The share of them that brought no result, in basis points.
    pub error_rate: u16,
    /// What those came to: `timeout`, `unavailable`, `busy`, `refused`, `malformed`, `failed`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u32>,
    /// Half of the results came within so many milliseconds; each of these is up to a quarter too high.
    pub p50_ms: u64,
    /// 95 of 100 results came within so many milliseconds.
    pub p95_ms: u64,
    /// 99 of 100 results came within so many milliseconds.
    pub p99_ms: u64,
}

/// One of several instances of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceLoad {
    /// Its base URL.
    pub url: String,
    /// The region that it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The calls that it is busy with.
    pub in_flight: u32,
    /// Its own circuit breaker: `closed`, `open` or `half_open`.
    pub breaker: String,
    /// What one more call there is expected to take if it is idle, in milliseconds; 0 where nothing is known.
    pub expected_ms: u64,
    /// What happened at it lately; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

impl From<input::Health> for Health {
    fn from(health: input::Health) -> Health {
        let errors = health.errors.by_kind().into_iter().filter(|(_, count)| *count > 0);
        Health {
            calls: health.calls,
            error_rate: health.error_rate.points(),
            errors: errors.map(|(kind, count)| (kind.to_owned(), count)).collect(),
            p50_ms: health.p50_ms,
            p95_ms: health.p95_ms,
            p99_ms: health.p99_ms,
        }
    }
}

impl From<InstanceLimits> for InstanceLoad {
    fn from(InstanceLimits { load, health }: InstanceLimits) -> InstanceLoad {
        InstanceLoad {
            url: load.url,
            region: load.region.map(|region| region.to_string()),
            in_flight: load.in_flight,
            breaker: load.breaker.as_str().to_owned(),
            expected_ms: load.expected_ms,
            health: health.map(Health::from),
        }
    }
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
    /// Somebody registered it, and somebody else has to approve it first.
    Proposed,
    /// It may be considered where little is at stake.
    Probation,
    /// It may be considered.
    Eligible,
    /// It gets nothing: something was found that has to be looked at.
    Quarantined,
    /// It gets nothing until somebody restores it.
    Suspended,
    /// It gets nothing any more, ever.
    Retired,
}

/// Who made an agent stand as it does, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    /// Who, or `policy`.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A change of a registration that waits for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposedRevision {
    /// The digest of the registration that waits.
    pub revision: String,
    /// Who sent it, when and why.
    #[serde(flatten)]
    pub placed: Placement,
    /// What would be registered.
    #[schema(value_type = Object)]
    pub registration: Value,
    /// What it would change.
    pub changes: Vec<Difference>,
}

/// One place in which two documents differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The place, as a JSON pointer; items of a list are named where they have a name.
    pub path: String,
    /// What is there; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What would be there; absent where there would be nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

/// What came of trying a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillTried {
    /// The skill.
    pub skill: String,
    /// Whether the revision in force did what the agent says; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// What the last try came to: `verified`, `false`, `unclear`, or `unknown` where nobody knows what became of it. That
    /// is not tried again by itself.
    pub result: String,
    /// What was wrong, if anything was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The revision that was tried.
    pub revision: String,
    /// Whether that is an earlier revision than the one in force, which has shown nothing yet then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
    /// What came of each example at each instance, where there were several of either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ExampleTried>,
    /// When it was tried last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What came of one example at one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExampleTried {
    /// Which of the skill's examples it was, from 1.
    pub nth: u32,
    /// The instance that it was sent to, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What it shows, as it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it came to.
    pub result: String,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The decision by which it was sent, `dec_…`.
    pub decision: String,
}

/// Why an agent gets no work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// Who suspended it, or `policy`.
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
