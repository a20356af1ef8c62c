//! The access gate: may this principal do this?

use concordat_model::decision::Gate;
use concordat_model::name::{PrincipalName, TenantName};
use concordat_model::principal::Principal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the access gate is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessInput {
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who asks.
    pub principal: Principal,
    /// What they want to do.
    pub action: Action,
    /// To what.
    pub resource: Resource,
}

/// What an action is done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What kind of thing it is.
    pub kind: ResourceKind,
    /// Which one; absent for a list or for one that does not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whose it is; absent for what belongs to the whole installation, such as an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
    /// Who submitted the contract concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitter: Option<PrincipalName>,
    /// The gate whose decision is reviewed or read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// A kind of thing that actions are done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A contract, and its run.
    Contract,
    /// A named, versioned contract.
    Template,
    /// A decision handed to people.
    Review,
    /// A gate's answer.
    Decision,
    /// An agent in the registry.
    Agent,
    /// The log.
    Audit,
    /// An API key.
    Key,
    /// Figures about the service.
    Metrics,
    /// A revision of the policy.
    Policy,
    /// Something that happened outside.
    Event,
    /// What starts contracts by itself.
    Trigger,
    /// Modules and data behind OPA's doors.
    Opa,
    /// What contracts, events and questions hold.
    Contents,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What a principal may want to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$name,)+];

            /// The action's name in Rego, the API and the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Action::$name => $text,)+
                }
            }
        }
    };
}

actions! {
    /// Send a contract.
    ContractsSubmit = "contracts.submit",
    /// See contracts and how they go.
    ContractsRead = "contracts.read",
    /// Stop a contract.
    ContractsCancel = "contracts.cancel",
    /// Hold a contract, and let it go on.
    ContractsPause = "contracts.pause",
    /// Give a contract more time.
    ContractsExtend = "contracts.extend",
    /// End a contract at once, without undoing anything.
    ContractsKill = "contracts.kill",
    /// Try an ended contract again from one of its steps.
    ContractsRetry = "contracts.retry",
    /// Say how good an ended contract's work was.
    ContractsRate = "contracts.rate",
    /// Say something about an agent that counts as evidence.
    TrustTestify = "trust.testify",
    /// Tell an event that contracts wait for.
    EventsPublish = "events.publish",
    /// Say which events and moments start contracts.
    TriggersWrite = "triggers.write",
    /// See which events and moments start contracts.
    TriggersRead = "triggers.read",
    /// See what waits for people.
    ReviewsRead = "reviews.read",
    /// Answer what policy will not decide alone.
    ReviewsAnswer = "reviews.answer",
    /// Add an agent, or a new revision of one.
    AgentsRegister = "agents.register",
    /// Keep work from an agent.
    AgentsSuspend = "agents.suspend",
    /// Give a suspended agent work again.
    AgentsRestore = "agents.restore",
    /// Approve an agent or a change of one, decline it, put one on probation, or retire it; the enroll gate is asked as
    /// well.
    AgentsEnroll = "agents.enroll",
    /// Try an agent's skills with their examples; the enroll gate is asked as well.
    AgentsProbe = "agents.probe",
    /// See the registry.
    AgentsRead = "agents.read",
    /// See decisions and why they were made.
    DecisionsRead = "decisions.read",
    /// See and prove the log.
    AuditRead = "audit.read",
    /// Take the log, or a report of it, away.
    AuditExport = "audit.export",
    /// Have what contracts, events and questions hold forgotten because somebody may ask for it.
    ContentsErase = "contents.erase",
    /// Have what is older than it is to be kept forgotten.
    ContentsPrune = "contents.prune",
    /// Keep something from being forgotten.
    HoldsSet = "holds.set",
    /// Let what was held be forgotten again.
    HoldsRelease = "holds.release",
    /// See what is held.
    HoldsRead = "holds.read",
    /// Make an API key.
    KeysCreate = "keys.create",
    /// Take an API key back.
    KeysRevoke = "keys.revoke",
    /// See which API keys there are.
    KeysRead = "keys.read",
    /// See figures about the service.
    MetricsRead = "metrics.read",
    /// See templates.
    TemplatesRead = "templates.read",
    /// See policies, which of them is in force, and what they would change.
    PolicyRead = "policy.read",
    /// Send a policy, which changes nothing yet.
    PolicyPublish = "policy.publish",
    /// Let a policy come into force, or on trial; the promote gate is asked as well.
    PolicyPromote = "policy.promote",
    /// Take a policy back, so that what was before is in force again.
    PolicyRollBack = "policy.roll_back",
    /// Ask modules and data behind OPA's doors, and see them.
    OpaRead = "opa.read",
    /// Change modules and data behind OPA's doors.
    OpaWrite = "opa.write",
}
