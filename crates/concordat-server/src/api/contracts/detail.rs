//! One contract on the wire, with everything about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::ContractRow;
use crate::api::decisions::Classification;
use crate::api::reviews::About;

/// Everything about one contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContractDetail {
    /// The contract in one line.
    #[serde(flatten)]
    pub row: ContractRow,
    /// What it is for, in a sentence.
    pub objective: String,
    /// What it is about, once the classifier was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// What governs the work.
    pub governance: Governance,
    /// Who goes first where agents are scarce: 0 to 9, more is sooner.
    pub priority: u8,
    /// How it came about, unless somebody simply sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The pause that it is under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// When it must be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// Calls to agents so far.
    pub calls: u32,
    /// What they cost: amounts such as `2.50`, by currency.
    pub spent: BTreeMap<String, String>,
    /// Why it stopped before it was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Finished steps that were undone.
    pub undone: Vec<String>,
    /// Finished steps that stay as they are although they should not: a person must look.
    pub not_undone: Vec<String>,
    /// The result, once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What waits for people.
    pub open_reviews: Vec<RunReview>,
    /// The runs that must be completed before this one starts.
    pub depends_on: Vec<String>,
    /// The run of its fallback, `run_…`, once that is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// The steps as they were written.
    pub step_list: Vec<StepRow>,
}

/// How a run came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// In which way.
    pub kind: OriginKind,
    /// The run around it, or the one that is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How deep it lies within others: 1 for a contract within one that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u8>,
    /// The step from which it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trigger that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The event or the moment that pulled the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
}

/// In which way a run came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A step of another run, or its fallback, is carried out by it.
    Nested,
    /// An ended run is tried again.
    Retried,
    /// A trigger started it.
    Triggered,
}

/// A pause that somebody ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pause {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Who ordered it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

/// What governs a contract's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Governance {
    /// How much harm a wrong result could do: `low`, `medium`, `high` or `critical`.
    pub risk: String,
    /// Whether everything can be undone.
    pub reversible: bool,
    /// What kinds of data the work touches.
    pub data_classes: Vec<String>,
    /// The regimes that the work falls under.
    pub compliance: Vec<String>,
}

/// Why a run stopped before it was complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// `step_failed`, `cancelled`, `killed`, `around`, `deadline`, `dependency`, `exceeded`, `unacceptable`, `rejected` or `denied`.
    pub code: String,
    /// The sentence for people.
    pub text: String,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Who cancelled or killed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The run that did not complete, or the run around this one that stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The review that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// The decision that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// A question to people that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunReview {
    /// The review, `rev_…`.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// The question, when a step asks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The decision that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The digest of what people are asked to approve.
    pub payload: String,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When it lapses.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepRow {
    /// The step.
    pub id: String,
    /// What kind of work it is.
    pub kind: StepKind,
    /// The skill that is asked for, when an agent is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// The steps that come before it.
    pub needs: Vec<String>,
    /// Where doing it stands.
    #[serde(flatten)]
    pub doing: LegRow,
    /// Where undoing it stands, once that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<LegRow>,
    /// The items that it is done for, once they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<StepItems>,
}

/// What kind of work a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// An agent is asked for a skill.
    Skill,
    /// People are asked a question.
    Review,
    /// Events or a moment are waited for.
    Wait,
    /// An event is published.
    Emit,
    /// A contract is carried out within this one.
    Contract,
    /// One of several branches is taken.
    OneOf,
}

/// The items that a step is done for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepItems {
    /// How many there are.
    pub count: u32,
    /// How many are not settled.
    pub open: u32,
    /// How many failed.
    pub failed: u32,
    /// The first ones, at most 100.
    pub shown: Vec<ItemRow>,
}

/// A step for one of its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemRow {
    /// Which item, from 0.
    pub item: u32,
    /// Where doing it stands.
    #[serde(flatten)]
    pub doing: LegRow,
    /// Where undoing it stands, once that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<LegRow>,
}

/// Where doing or undoing a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LegRow {
    /// The state.
    pub state: StepState,
    /// The present or last try, from 1; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The agent that has it, or did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentRef>,
    /// The run of the contract that is or was carried out for it, `run_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Since when the agent has it, or it waits for one, for people, events, a moment or a contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Until when it waits at the latest, or when what keeps it passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// What it waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// The digest of its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_digest: Option<String>,
}

/// Where doing or undoing a step stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Steps before it are not settled.
    Waiting,
    /// The contract ended before its turn came.
    NotBegun,
    /// The contract ended while it was under way.
    BrokenOff,
    /// It may be offered to agents.
    Ready,
    /// People are asked: before it is offered, or the question that it is.
    InReview,
    /// It is done once for each of several items.
    Spread,
    /// It waits for events or for a moment.
    Listening,
    /// A contract of its own is carried out for it.
    Delegated,
    /// An agent has it.
    Dispatched,
    /// The agent asks something before it goes on, and people are asked what it is to be told.
    Asking,
    /// A person said what the agent is to be told; the dispatch gate was not passed yet.
    Telling,
    /// An agent answered; the release gate was not passed yet.
    Answered,
    /// People are asked before its result is used.
    Held,
    /// The try ended without a result.
    Lost,
    /// Nobody knows whether it was done; people are asked.
    Parked,
    /// It was done.
    Done,
    /// It will not run.
    Skipped,
    /// It failed for good.
    Failed,
}

/// An agent, as something else names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentRef {
    /// The agent, `agt_…`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepError {
    /// A stable code such as `agent-error`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// The decision behind it, when policy refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

impl LegRow {
    /// A leg of which nothing but its state is known.
    pub(crate) fn of(state: StepState) -> LegRow {
        LegRow {
            state,
            attempt: None,
            agent: None,
            run: None,
            since: None,
            until: None,
            waiting_for: None,
            error: None,
            output_digest: None,
        }
    }
}
