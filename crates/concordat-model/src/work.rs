//! Work on its way: what is asked of an agent, and what came back.
//!
//! These are plain values. What may be sent or used is `Authorized<…>` around them, which only
//! `concordat-policy` can make.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::Binding;
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, RunId};
use crate::name::{AgentName, SkillName};
use crate::span::Span;
use crate::step_id::StepId;

/// Whether a step is done or undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The step itself.
    Do,
    /// Its compensation.
    Undo,
}

impl Leg {
    /// The leg's name in keys, tables and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Leg::Do => "do",
            Leg::Undo => "undo",
        }
    }
}

/// One try of one leg of one step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The step.
    pub step: StepId,
    /// Doing or undoing.
    pub leg: Leg,
    /// The count of tries, from 1.
    pub number: u32,
}

/// What is to be done, before anyone is chosen to do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The run it belongs to.
    pub run: RunId,
    /// The step, leg and try.
    pub attempt: Attempt,
    /// The skill that is asked for.
    pub skill: SkillName,
    /// What the agent is given.
    pub params: Arc<Value>,
    /// The digest of what the agent is given.
    pub params_digest: Digest,
    /// How long the agent may take.
    pub timeout: Span,
    /// The answer to what the agent asked, when it has the work already.
    pub telling: Option<Box<Telling>>,
}

/// What an agent calls the work that it has, by which it is told more about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteTask {
    /// The agent's own id of the work.
    pub id: String,
    /// The conversation that it belongs to.
    pub context: String,
    /// The agent's own id of what it asked last, if it gave it one: by that a question is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// A person's answer to an agent's question, for the work that the agent has.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// Who asked.
    pub agent: AgentId,
    /// The work, as the agent calls it.
    pub task: RemoteTask,
    /// Which of its questions about this try, from 1.
    pub nth: u32,
    /// The answer: text, or data.
    pub answer: Arc<Value>,
    /// The digest of the question.
    pub question: Digest,
    /// The digest of the answer.
    pub digest: Digest,
}

impl Work {
    /// The key that is the same on every try, so that an agent does the work once.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.run, &self.attempt)
    }
}

/// The key of an attempt's work, which does not depend on which try it is.
#[must_use]
pub fn idempotency_key(run: RunId, attempt: &Attempt) -> String {
    format!("{run}/{}/{}", attempt.step, attempt.leg.as_str())
}

/// Work with the agent that was chosen for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The work.
    pub work: Work,
    /// The chosen agent.
    pub agent: AgentId,
    /// Its name, for people.
    pub agent_name: AgentName,
    /// Its revision at the time of the decision.
    pub revision: Digest,
    /// How it is reached: at the instance that was chosen, where there are several.
    pub binding: Binding,
    /// That instance.
    pub instance: Option<String>,
    /// The decision that permits this assignment.
    pub decision: DecisionId,
}

/// What an agent answered, checked against its schema, before policy has seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The run it belongs to.
    pub run: RunId,
    /// The step, leg and try.
    pub attempt: Attempt,
    /// The skill that was asked for.
    pub skill: SkillName,
    /// Who answered.
    pub agent: AgentId,
    /// What was answered.
    pub output: Arc<Value>,
    /// The digest of what was answered.
    pub digest: Digest,
}
