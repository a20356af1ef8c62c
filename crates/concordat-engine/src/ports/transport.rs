//! Remote agents, as the engine sees them.

use async_trait::async_trait;
use concordat_model::agent::{Agent, Binding, Registration};
use concordat_model::contract::FailureKind;
use concordat_model::id::{DecisionId, RunId};
use concordat_model::name::{DomainName, SkillName};
use concordat_model::span::Span;
use concordat_model::work::{Assignment, Attempt, RemoteTask};
use concordat_policy::Authorized;
use serde_json::Value;

use super::withdrawal::Withdrawal;

/// Carries permitted work to agents and brings back what they answer.
#[async_trait]
pub trait AgentTransport: Send + Sync {
    /// Sends one assignment and waits for what comes, at most as long as the assignment allows.
    ///
    /// Only a gate makes an `Authorized`, so work that no policy permitted cannot be sent.
    async fn dispatch(&self, work: Dispatch) -> Arrival;

    /// Asks an agent that says it can be asked what became of work whose answer was lost. Nothing is done by that.
    async fn reconcile(&self, lost: Lost) -> Found {
        let Lost { work, .. } = lost;
        Found::Unknown { message: format!("nobody can be asked about `{}`", work.attempt.step) }
    }

    /// Tells an agent that asked something that nobody will answer, and that its work is not wanted any longer.
    async fn call_off(&self, _: Forsaken) {}

    /// Fetches an agent's card and makes a draft of a registration out of it. Nothing is registered by that.
    ///
    /// # Errors
    /// Why there is none, in the administrator's words.
    async fn describe(&self, wanted: CardWanted) -> Result<CardDraft, String> {
        Err(format!("nobody reads the card at `{}`", wanted.url))
    }

    /// Checks an address at registration: its form, and whether it may be contacted at all.
    ///
    /// # Errors
    /// Why not, in the administrator's words.
    fn accepts(&self, url: &str) -> Result<(), String>;
}

/// Permitted work, with the proof that its permission is durable.
#[derive(Debug)]
pub struct Dispatch {
    /// The work.
    pub work: Authorized<Assignment>,
    /// The size of the log under the checkpoint that covers the decision.
    pub log_size: u64,
    /// Tells when nobody wants the work any longer. An agent that can be told to stop is told then.
    pub withdrawal: Withdrawal,
}

/// Whose card is to be read, and what the card does not say.
#[derive(Debug, Clone)]
pub struct CardWanted {
    /// The protocol that the agent speaks.
    pub protocol: CardProtocol,
    /// The agent's address, or its card's.
    pub url: String,
    /// The public key in PEM that the card has to be signed by.
    pub key: Option<String>,
    /// Who answers for the agent; without it, its host.
    pub owner: Option<String>,
    /// The fields of work that it is wanted for.
    pub domains: Vec<DomainName>,
}

/// Where an agent says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardProtocol {
    /// In the card of the Agent2Agent protocol.
    A2a,
    /// In the list of tools of an MCP server.
    Mcp,
}

/// What a card comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct CardDraft {
    /// What could be registered.
    pub registration: Registration,
    /// What whoever registers it should know.
    pub notes: Vec<String>,
    /// Whether the card is signed by the key that was given.
    pub signed: bool,
}

/// Work whose answer was lost.
#[derive(Debug, Clone)]
pub struct Lost {
    /// The work; what the agent was given is not told again.
    pub work: LostWork,
    /// How the agent that has it is reached.
    pub binding: Binding,
    /// The decision by which it was sent.
    pub decision: DecisionId,
    /// What the agent calls it, where it said so.
    pub task: Option<RemoteTask>,
    /// How long an end may be waited for, if the agent is still at work.
    pub patience: Option<Span>,
}

/// Work that an agent asked about, and that nobody wants any longer.
#[derive(Debug, Clone, PartialEq)]
pub struct Forsaken {
    /// What the agent calls it.
    pub task: RemoteTask,
    /// How the agent is reached.
    pub binding: Binding,
}

impl Forsaken {
    /// Work that this agent has.
    #[must_use]
    pub fn of(agent: &Agent, task: RemoteTask) -> Forsaken {
        Forsaken { task, binding: agent.registration.binding.clone() }
    }
}

/// What an agent knows lost work by.
#[derive(Debug, Clone)]
pub struct LostWork {
    /// The run.
    pub run: RunId,
    /// The attempt.
    pub attempt: Attempt,
    /// The skill.
    pub skill: SkillName,
    /// The key under which it was sent.
    pub idempotency_key: String,
}

/// What an agent says about lost work.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It was done, and this is the result.
    Done(Value),
    /// It was not done, and it will not be.
    NotDone,
    /// The agent asks something before it goes on.
    Asked {
        /// The question: `text` and `data`, as far as there are any.
        question: Value,
        /// What the agent calls the work.
        task: RemoteTask,
    },
    /// The agent does not know, cannot be asked, or makes no sense.
    Unknown {
        /// What happened.
        message: String,
    },
}

/// What came back from an agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// A result.
    Completed(Value),
    /// No result, and it is certain that there will be none.
    Failed {
        /// What kind of failure.
        kind: FailureKind,
        /// Whose fault it was.
        fault: Fault,
        /// A stable code such as `agent-error`.
        code: &'static str,
        /// What the agent or the network said, shortened and harmless to print.
        message: String,
        /// How long the agent asked us to wait.
        retry_after_ms: Option<u64>,
    },
    /// No result, and it is not known whether the work was done.
    Unknown {
        /// What happened.
        message: String,
    },
    /// No result yet: the agent asks something before it goes on, and waits.
    Asked {
        /// The question: `text` and `data`, as far as there are any, bounded.
        question: Value,
        /// What the agent calls the work.
        task: RemoteTask,
    },
}

/// Whose fault a failure was: only the agent's own faults count against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The agent said that it failed, or broke the protocol.
    Agent,
    /// The agent does not know the skill that it claims.
    FalseClaim,
    /// The agent could not be reached.
    Unreachable,
    /// What we sent was wrong.
    Ours,
    /// The agent has enough to do for the moment.
    Nobody,
}
