//! Contracts on the wire: sent, planned, listed, looked at, ordered about.

mod detail;
mod sent;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

pub use detail::{
    AgentRef, Cause, ContractDetail, Governance, ItemRow, LegRow, Origin, OriginKind, Pause, RunReview,
    StepError, StepItems, StepKind, StepRow, StepState,
};
pub use sent::{Effect, Plan, PlannedContract, PlannedStep, Receipt, ReceiptLine};

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
    /// One word: `received`, `in_review`, `waiting`, `running`, `paused`, `closing`, `undoing`, `falling_back`,
    /// `completed`, `denied`, `rejected`, `cancelled`, `killed`, `failed` or `undone`.
    pub status: String,
    /// Steps that are settled, items of steps included.
    pub settled: u32,
    /// All steps, items of steps included.
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

/// How much later a deadline is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// How much later, such as `15m`.
    pub by: String,
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// What making every decision about a contract again came to. Nothing was sent, and nothing recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// The run, `run_…`.
    pub run: String,
    /// How many records were folded.
    pub records: u64,
    /// Decisions that came out the same, bit for bit.
    pub same: Vec<String>,
    /// Decisions that came out otherwise, although policy and input are the same: a fault.
    pub different: Vec<String>,
    /// Decisions that cannot be made again here: another revision of the policy made them, or their input is gone.
    pub not_replayable: Vec<String>,
}

/// From where a contract that is over is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The step.
    pub from: String,
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}
