//! Remote agents, as the engine sees them.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use concordat_model::agent::{Agent, Binding, Registration};
use concordat_model::contract::FailureKind;
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::name::{DomainName, SkillName};
use concordat_model::span::Span;
use concordat_model::work::{Assignment, Attempt, RemoteTask};
use concordat_policy::Authorized;
use serde::{Deserialize, Serialize};
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

    /// Reads what an agent is to know us by: a list in JSON, each with the `origin` that it is for. Connections that are
    /// made with it are kept apart from all others by this name.
    ///
    /// # Errors
    /// Why it cannot be used, and never what is secret of it.
    fn knows(&self, credentials: &str, name: &str) -> Result<Known, String> {
        let _ = (credentials, name);
        Err("agents here know nobody".to_owned())
    }

    /// Takes a hint from outside that something has happened at an agent; whether anybody waits for one with this token.
    /// Nothing is decided from it: the agent is asked.
    fn hinted(&self, token: &str) -> bool {
        let _ = token;
        false
    }

    /// Checks a webhook when it is set: its form, and whether its address may be contacted at all.
    ///
    /// # Errors
    /// Why not, in the words of whoever set it.
    fn hears(&self, webhook: &Webhook) -> Result<(), String> {
        self.accepts(&webhook.url)
    }

    /// Tells a webhook something, once.
    ///
    /// # Errors
    /// It did not take it, or it is not known whether it did.
    async fn notify(&self, notice: Notice) -> Result<(), NotTold> {
        Err(NotTold::Yet(format!("nobody tells {}", notice.webhook.origin())))
    }
}

/// Where somebody wants to be told, and what they recognise us by. It is a secret as a whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The address.
    pub url: String,
    /// A text that is sent along with everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What stands in `Authorization`: a scheme and what belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<(String, String)>,
}

impl Webhook {
    /// Scheme, host and port as they were written: what may be told of it.
    #[must_use]
    pub fn origin(&self) -> String {
        origin(&self.url).to_owned()
    }
}

/// Scheme, host and port of an address, as they were written.
#[must_use]
pub fn origin(url: &str) -> &str {
    let end = url.match_indices(['/', '?', '#']).nth(2).map_or(url.len(), |(at, _)| at);
    url.get(..end).unwrap_or_default()
}

// Nobody reads it in a log of the program.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.origin())
    }
}

/// Something that a webhook is told.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Where.
    pub webhook: Webhook,
    /// The media type of the body.
    pub media_type: &'static str,
    /// What it is told.
    pub body: String,
}

/// Why a webhook was not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// A later try may go better.
    #[error("{0}")]
    Yet(String),
    /// It said that it is gone.
    #[error("the webhook is gone (410)")]
    Gone,
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
    /// What the agent knows us by, where it has credentials of its own.
    pub known: Option<Known>,
}

/// What one agent knows us by, as the transport has read it: nobody else can look into it. Clones share it, with what was
/// fetched by it since.
#[derive(Clone)]
pub struct Known(Arc<dyn Any + Send + Sync>);

impl Known {
    /// What a transport has read.
    #[must_use]
    pub fn of<T: Any + Send + Sync>(read: T) -> Known {
        Known(Arc::new(read))
    }

    /// What was read, if that is of this form.
    #[must_use]
    pub fn read<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

// Nobody reads it in a log of the program.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(..)")
    }
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
    /// The agent.
    pub agent: AgentId,
    /// What it knows us by, where it has credentials of its own.
    pub known: Option<Known>,
}

/// Work that an agent asked about, and that nobody wants any longer.
#[derive(Debug, Clone)]
pub struct Forsaken {
    /// What the agent calls it.
    pub task: RemoteTask,
    /// How the agent is reached.
    pub binding: Binding,
    /// The agent.
    pub agent: AgentId,
    /// What it knows us by, where it has credentials of its own.
    pub known: Option<Known>,
}

impl Forsaken {
    /// Work that this agent has, at one of its instances where it has several.
    #[must_use]
    pub fn of(agent: &Agent, instance: Option<&str>, task: RemoteTask) -> Forsaken {
        Forsaken { task, binding: agent.reached_at(instance), agent: agent.id, known: None }
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
