//! What is done to agents, as the log tells it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::{ProbeResult, Standing, Tie, TriedExample};
use crate::digest::Digest;
use crate::id::{DecisionId, RunId};
use crate::name::{AgentName, PrincipalName, SkillName, TenantName};
use crate::work::Attempt;

/// Something that was done to an agent's place in the registry.
///
/// `access` is the decision that let somebody ask for it, `enroll` the one that let it happen; what was written before
/// there was an enroll gate has none.
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
        /// The enroll decision that says how it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enroll: Option<DecisionId>,
        /// How it stands; eligible, where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<Standing>,
        /// The organisation of who registered it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<TenantName>,
        /// What ties it to others, beside its owner.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        ties: BTreeSet<Tie>,
    },
    /// It gets no more work.
    Suspended {
        /// Who suspended it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enroll: Option<DecisionId>,
    },
    /// It gets no more work until somebody has looked: policy found that it broke a critical rule.
    Quarantined {
        /// The run in which it did so.
        run: RunId,
        /// The step, leg and try that it answered.
        attempt: Attempt,
    },
    /// It gets work again.
    Restored {
        /// Who restored it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enroll: Option<DecisionId>,
    },
    /// It came to stand otherwise, in any other way.
    Placed {
        /// How it stood.
        from: Standing,
        /// How it stands.
        to: Standing,
        /// Who wanted that.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        enroll: DecisionId,
    },
    /// Somebody sent another registration of it, which waits for approval.
    Proposed {
        /// The digest of that registration, which is stored beside the log.
        revision: Digest,
        /// Who sent it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that wants people to look first.
        enroll: DecisionId,
    },
    /// Another registration of it is in force.
    Revised {
        /// The digest of that registration, which is stored beside the log.
        revision: Digest,
        /// Who sent it.
        author: PrincipalName,
        /// Who put it in force.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// How it stands from now on.
        standing: Standing,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        enroll: DecisionId,
        /// What ties it to others, beside its owner.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        ties: BTreeSet<Tie>,
    },
    /// The registration that waited for approval does not come into force.
    Declined {
        /// The digest of that registration.
        revision: Digest,
        /// Who declined it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// One of its skills is about to be tried: where nothing follows, nobody knows what became of that.
    Trying {
        /// The skill.
        skill: SkillName,
        /// The revision that is tried.
        revision: Digest,
        /// The digest of what the agent is given.
        params: Digest,
        /// The instance that it is sent to, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// The enroll decision by which the example is sent.
        enroll: DecisionId,
    },
    /// One of its skills was tried.
    Probed {
        /// The skill.
        skill: SkillName,
        /// The revision that was tried.
        revision: Digest,
        /// What came of it.
        result: ProbeResult,
        /// What was wrong, if anything was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        problems: Vec<String>,
        /// The digest of what the agent was given.
        params: Digest,
        /// How long it took, in milliseconds.
        latency_ms: u64,
        /// Whether that is evidence for or against the agent: at most once a day, and each time that it changes.
        counts: bool,
        /// Who wanted it tried; nobody, where Concordat did so by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PrincipalName>,
        /// The enroll decision by which the example was sent; of several, the one that what came of it rests on.
        enroll: DecisionId,
        /// What came of each example at each instance, where there were several of either; what says most, where they
        /// were many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        examples: Vec<TriedExample>,
    },
    /// It knows us by something of its own, and by nothing else from then on.
    CredentialsSet {
        /// What kind that is, such as `bearer`.
        kind: String,
        /// The only place that it is sent to: scheme, host and port.
        origin: String,
        /// What it is told apart by, which does not tell what it is.
        fingerprint: String,
        /// The digest of its sealed form, which is stored beside the log.
        content: Digest,
        /// Under which name that can be forgotten, once others take its place; without one it cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Who set it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        enroll: DecisionId,
    },
    /// It knows us by nothing of its own any more.
    CredentialsRemoved {
        /// Who took it away.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
        /// The enroll decision that let it happen.
        enroll: DecisionId,
    },
}

impl AgentEvent {
    /// The record types of what happens to agents.
    pub const TYPES: [&str; 12] = [
        "agent.registered",
        "agent.suspended",
        "agent.quarantined",
        "agent.restored",
        "agent.placed",
        "agent.proposed",
        "agent.revised",
        "agent.declined",
        "agent.trying",
        "agent.probed",
        "agent.credentials_set",
        "agent.credentials_removed",
    ];

    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            AgentEvent::Registered { .. } => "agent.registered",
            AgentEvent::Suspended { .. } => "agent.suspended",
            AgentEvent::Quarantined { .. } => "agent.quarantined",
            AgentEvent::Restored { .. } => "agent.restored",
            AgentEvent::Placed { .. } => "agent.placed",
            AgentEvent::Proposed { .. } => "agent.proposed",
            AgentEvent::Revised { .. } => "agent.revised",
            AgentEvent::Declined { .. } => "agent.declined",
            AgentEvent::Trying { .. } => "agent.trying",
            AgentEvent::Probed { .. } => "agent.probed",
            AgentEvent::CredentialsSet { .. } => "agent.credentials_set",
            AgentEvent::CredentialsRemoved { .. } => "agent.credentials_removed",
        }
    }

    /// The registration that the event puts forward, which is stored beside the log.
    #[must_use]
    pub fn brings(&self) -> Option<Digest> {
        match self {
            AgentEvent::Registered { revision, .. }
            | AgentEvent::Proposed { revision, .. }
            | AgentEvent::Revised { revision, .. } => Some(*revision),
            AgentEvent::Suspended { .. }
            | AgentEvent::Quarantined { .. }
            | AgentEvent::Restored { .. }
            | AgentEvent::Placed { .. }
            | AgentEvent::Declined { .. }
            | AgentEvent::Trying { .. }
            | AgentEvent::Probed { .. }
            | AgentEvent::CredentialsSet { .. }
            | AgentEvent::CredentialsRemoved { .. } => None,
        }
    }
}
