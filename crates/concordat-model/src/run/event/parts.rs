//! What events are made of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::FailureKind;
use crate::decision::Gate;
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, ReviewId, RunId};
use crate::name::{PrincipalName, StepName, TriggerName};
use crate::share::Share;
use crate::step_id::StepId;
use crate::work::Attempt;

/// What people are asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// Whether the contract may run.
    Admission,
    /// Whether, or with what result, a step may go on.
    Step {
        /// The gate that asked.
        gate: Gate,
        /// The attempt.
        attempt: Attempt,
    },
    /// Whether a step of unknown outcome, or one that failed, may be sent again.
    Reconciliation {
        /// The attempt.
        attempt: Attempt,
    },
    /// The question of a step.
    Question {
        /// The attempt.
        attempt: Attempt,
    },
    /// What an agent asks about the work that it has.
    Asked {
        /// The attempt.
        attempt: Attempt,
    },
}

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes: policy is asked again with this as evidence.
    Approve,
    /// No.
    Reject,
}

/// Why a step did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Its condition did not hold.
    ConditionFalse,
    /// Every step that it needs was skipped.
    NothingBefore,
    /// The choice before it led elsewhere.
    NotChosen,
}

/// How a run came about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// Somebody submitted it.
    #[default]
    Submitted,
    /// A step of another run, or its fallback, is carried out by it.
    Nested {
        /// The other run.
        run: RunId,
        /// How deep it lies within others: 1 for a contract within a submitted one.
        depth: u8,
    },
    /// Somebody tried an ended run again from one of its steps.
    Retried {
        /// The ended run.
        run: RunId,
        /// The step.
        from: StepName,
        /// Why, in their words.
        reason: String,
    },
    /// A trigger started it.
    Triggered {
        /// The trigger.
        trigger: TriggerName,
        /// The event or the scheduled moment; one run each.
        occasion: String,
    },
}

impl Origin {
    pub(super) fn is_submitted(&self) -> bool {
        *self == Origin::Submitted
    }
}

/// A part of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allotment {
    /// Calls to agents; none when calls are not bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// Money, in millionths by currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cost: BTreeMap<String, u64>,
}

/// What was drawn for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The agent.
    pub agent: AgentId,
    /// The draw.
    pub drawn: Share,
}

/// What came from an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// A result.
    Output {
        /// Its digest.
        output: Digest,
        /// Its size in canonical form.
        bytes: u64,
        /// What in it does not fit the step's or the skill's schema.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        misfits: Vec<String>,
        /// Whether there was a schema to check it against.
        checked: bool,
    },
    /// No result, and it is certain that there will be none.
    Failure {
        /// What kind of failure.
        failure: FailureKind,
        /// A stable code such as `agent-error`.
        code: String,
        /// What the agent or the network said, shortened.
        message: String,
        /// How long the agent asked us to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// No result, and it is not known whether the work was done.
    Unknown {
        /// What kind of failure it looks like.
        failure: FailureKind,
        /// What happened.
        message: String,
    },
    /// Concordat itself stopped while the attempt was with the agent.
    Interrupted,
}

/// Why a step failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// A stable code such as `policy-denied` or `agent-error`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// The decision behind it, when policy refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
}

/// Why a run stops before it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Cause {
    /// A step failed for good.
    StepFailed {
        /// The step.
        step: StepId,
        /// Whether finished steps are undone.
        compensate: bool,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// Somebody ended it at once: nothing is waited for, nothing is undone.
    Killed {
        /// Who.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// The contract around it stops.
    Around {
        /// The run of the contract around it.
        run: RunId,
        /// Whether it was ended at once.
        at_once: bool,
    },
    /// Its deadline passed.
    Deadline,
    /// A run that it depends on did not complete.
    Dependency {
        /// That run.
        run: RunId,
    },
    /// It has grown beyond what a run may be.
    Exceeded {
        /// Which limit.
        limit: String,
    },
    /// Its result does not meet its acceptance conditions, or could not be put together.
    Unacceptable {
        /// What is wrong.
        message: String,
    },
    /// People said no to the contract, or nobody answered in time.
    Rejected {
        /// The review.
        review: ReviewId,
    },
    /// Policy said no to the contract.
    Denied {
        /// The decision.
        decision: DecisionId,
    },
}

impl Cause {
    /// Whether nothing is waited for and nothing undone.
    #[must_use]
    pub fn is_at_once(&self) -> bool {
        matches!(self, Cause::Killed { .. } | Cause::Around { at_once: true, .. })
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    /// Everything was done, and the result is acceptable.
    Completed {
        /// The digest of the result.
        output: Digest,
    },
    /// It stopped early.
    Stopped {
        /// Finished steps that were undone, in the order of undoing.
        undone: Vec<StepId>,
        /// Finished steps that stay as they are although they should not: a person must look.
        not_undone: Vec<StepId>,
    },
}
