//! Contracts on the wire: sent, planned, listed, looked at, cancelled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::decisions::{Classification, Decision};
use super::reviews::About;

/// What the sender of a submission gets: proof that it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The submission, `sub_…`.
    pub submission: String,
    /// Its contracts, as they were written.
    pub contracts: Vec<ReceiptLine>,
}

/// One contract of a submission, as it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptLine {
    /// The run of the contract, `run_…`.
    pub run: String,
    /// What it is called within the submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The digest of contract and input.
    pub digest: String,
    /// The status word at the moment of acceptance.
    pub status: String,
}

/// What would happen to a submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Its contracts, as they were written.
    pub contracts: Vec<PlannedContract>,
}

/// One contract as it would be taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedContract {
    /// What it is called within the submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The contract's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of contract and input.
    pub digest: String,
    /// What it is about.
    pub classification: Classification,
    /// What the admit gate would answer; it binds nobody.
    pub decision: Decision,
    /// The steps that may run side by side, first things first.
    pub levels: Vec<Vec<String>>,
    /// The steps as they were written.
    pub steps: Vec<PlannedStep>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedStep {
    /// The step.
    pub id: String,
    /// The skill that is asked for.
    pub skill: String,
    /// The steps that come before it.
    pub needs: Vec<String>,
    /// What doing it twice would do.
    pub effect: Effect,
    /// Whether it depends on a condition.
    pub when: bool,
    /// The skill that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<String>,
}

/// What doing a step twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing.
    None,
    /// Doing it twice with one key is doing it once.
    Idempotent,
    /// Doing it twice does harm.
    Unsafe,
}

/// Which contracts a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ContractsQuery {
    /// The most items, 1 to 1000; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`, with the same other parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only contracts with this status word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only contracts of this submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
}

/// A page of contracts, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContractList {
    /// The contracts.
    pub items: Vec<ContractRow>,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A contract in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContractRow {
    /// The run, `run_…`.
    pub run: String,
    /// What it is called within its submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The digest of contract and input.
    pub digest: String,
    /// Who sent it.
    pub submitter: String,
    /// What the classifier says it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// One word: `received`, `in_review`, `waiting`, `running`, `closing`, `undoing`, `completed`, `denied`,
    /// `rejected`, `cancelled`, `failed` or `undone`.
    pub status: String,
    /// Steps that are settled.
    pub settled: u32,
    /// All steps.
    pub steps: u32,
    /// What it came with, `sub_…`.
    pub submission: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received: Timestamp,
    /// When it ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
}

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
    /// The steps as they were written.
    pub step_list: Vec<StepRow>,
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
    /// `step_failed`, `cancelled`, `deadline`, `dependency`, `unacceptable`, `rejected` or `denied`.
    pub code: String,
    /// The sentence for people.
    pub text: String,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Who cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The run that did not complete.
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
    /// The skill that is asked for.
    pub skill: String,
    /// The steps that come before it.
    pub needs: Vec<String>,
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
    /// Since when the agent has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
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
    /// It may be offered to agents.
    Ready,
    /// People are asked before it is offered.
    InReview,
    /// An agent has it.
    Dispatched,
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

/// Which of a run's records are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Only records after this index of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The most items, 1 to 1000; 200 when absent. Streams have no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// A page of a run's records, in the order of the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The records.
    pub items: Vec<Event>,
    /// The `after` of the next page; null when nothing came after these yet.
    pub next_after: Option<u64>,
}

/// One record of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its index in the log.
    pub index: u64,
    /// The record, `rec_…`.
    pub id: String,
    /// What happened, such as `step.dispatched`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[schema(format = DateTime)]
    pub time: String,
    /// Its number among the run's records, from 0.
    pub subject_seq: u64,
    /// What there is to say about it, by its type.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Why somebody wants something done; it becomes part of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonGiven {
    /// The reason, 1 to 2000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}
