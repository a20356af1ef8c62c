//! Everything that can happen to a run.
//!
//! A written event never changes its meaning: what is new is a new variant, and old logs keep folding.
//! Payloads (contracts, parameters, outputs) are named by digest and stored beside the log.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classification::Classification;
use crate::contract::FailureKind;
use crate::decision::{Decision, Gate};
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, ReviewId, RunId, SubmissionId};
use crate::money::Money;
use crate::name::{AgentName, ContractName, PrincipalName, SkillName, StepName};
use crate::principal::Principal;
use crate::share::Share;
use crate::work::Leg;

pub use crate::work::Attempt;

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A contract was agreed and taken in.
    Received {
        /// What it came with.
        submission: SubmissionId,
        /// What it is called within that submission.
        label: StepName,
        /// The contract's name.
        name: ContractName,
        /// The digest of contract and input.
        contract: Digest,
        /// Who sent it.
        submitter: Principal,
        /// The runs that must be completed before this one starts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        depends_on: Vec<RunId>,
        /// The access decision that let it in; it stands in the log as the next record.
        access: DecisionId,
    },
    /// The classifier said what it is about.
    Classified {
        /// Its answer.
        classification: Classification,
    },
    /// A gate answered.
    Decided {
        /// The answer.
        decision: Box<Decision>,
        /// The attempt it is about; none for the contract as a whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<Attempt>,
    },
    /// The contract was admitted, and waits for others.
    Waiting,
    /// Steps may run from here on.
    Started,
    /// A decision was handed to people.
    ReviewOpened {
        /// The review.
        review: ReviewId,
        /// What it is about.
        about: About,
        /// The decision that asked for it; none for a reconciliation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<DecisionId>,
        /// The digest of exactly what people are asked to approve.
        payload: Digest,
        /// When it lapses.
        expires: Timestamp,
    },
    /// A person answered.
    ReviewAnswered {
        /// The review.
        review: ReviewId,
        /// The answer.
        verdict: Verdict,
        /// Who answered.
        by: Principal,
        /// Why, in their words.
        reason: String,
        /// What they saw.
        payload: Digest,
        /// The access decision that let them answer.
        access: DecisionId,
    },
    /// Nobody answered in time.
    ReviewLapsed {
        /// The review.
        review: ReviewId,
    },
    /// A step will not run.
    Skipped {
        /// The step.
        step: StepName,
        /// Why not.
        because: Skip,
    },
    /// A step was given to an agent: recorded before the first byte is sent.
    Dispatched {
        /// The attempt.
        attempt: Attempt,
        /// The agent.
        agent: AgentId,
        /// Its name.
        agent_name: AgentName,
        /// Its revision.
        revision: Digest,
        /// The skill that it is asked for.
        skill: SkillName,
        /// The decision that permits it.
        decision: DecisionId,
        /// The digest of what it is given.
        params: Digest,
        /// What was drawn for each permitted agent; the largest won.
        draws: Vec<Draw>,
        /// What the call costs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Money>,
    },
    /// An agent answered, or it became certain that it will not.
    Answered {
        /// The attempt.
        attempt: Attempt,
        /// What came.
        reply: Reply,
        /// From sending to the whole answer.
        latency_ms: u64,
    },
    /// The release gate let a result through.
    Released {
        /// The attempt.
        attempt: Attempt,
        /// The decision that permits it.
        decision: DecisionId,
    },
    /// A failed attempt will be followed by another.
    Retrying {
        /// The coming attempt.
        attempt: Attempt,
        /// Not before.
        at: Timestamp,
    },
    /// A step failed for good.
    Failed {
        /// The attempt that was the last.
        attempt: Attempt,
        /// Why.
        error: Failure,
        /// Whether the run goes on as if the step had been skipped.
        tolerated: bool,
    },
    /// Nobody knows whether an unsafe step was done: it waits for a person.
    Parked {
        /// The attempt whose outcome is unknown.
        attempt: Attempt,
    },
    /// Nothing new starts from here on.
    Closing {
        /// Why.
        cause: Cause,
    },
    /// Finished steps are being undone, in this order.
    Undoing {
        /// The steps.
        steps: Vec<StepName>,
    },
    /// The run is over.
    Ended {
        /// How.
        ending: Ending,
    },
}

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
    /// Whether a step of unknown outcome may be sent again.
    Reconciliation {
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
        step: StepName,
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
    /// Its deadline passed.
    Deadline,
    /// A run that it depends on did not complete.
    Dependency {
        /// That run.
        run: RunId,
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
        undone: Vec<StepName>,
        /// Finished steps that stay as they are although they should not: a person must look.
        not_undone: Vec<StepName>,
    },
}

impl Event {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            Event::Received { .. } => "contract.received",
            Event::Classified { .. } => "contract.classified",
            Event::Decided { .. } => "gate.decided",
            Event::Waiting => "contract.waiting",
            Event::Started => "contract.started",
            Event::ReviewOpened { .. } => "review.opened",
            Event::ReviewAnswered { .. } => "review.answered",
            Event::ReviewLapsed { .. } => "review.lapsed",
            Event::Skipped { .. } => "step.skipped",
            Event::Dispatched { .. } => "step.dispatched",
            Event::Answered { .. } => "step.answered",
            Event::Released { .. } => "step.released",
            Event::Retrying { .. } => "step.retrying",
            Event::Failed { .. } => "step.failed",
            Event::Parked { .. } => "step.parked",
            Event::Closing { .. } => "contract.closing",
            Event::Undoing { .. } => "contract.undoing",
            Event::Ended { .. } => "contract.ended",
        }
    }

    /// Every payload that the event names by digest.
    #[must_use]
    pub fn payloads(&self) -> Vec<Digest> {
        match self {
            Event::Received { contract, .. } => vec![*contract],
            Event::Dispatched { params, .. } => vec![*params],
            Event::Answered { reply: Reply::Output { output, .. }, .. } => vec![*output],
            Event::Ended { ending: Ending::Completed { output } } => vec![*output],
            Event::Decided { decision, .. } => vec![decision.provenance.input],
            _ => Vec::new(),
        }
    }
}

/// The attempt after this one.
#[must_use]
pub fn following(attempt: &Attempt) -> Attempt {
    Attempt { number: attempt.number.saturating_add(1), ..attempt.clone() }
}

/// The first attempt of a leg.
#[must_use]
pub fn first(step: &StepName, leg: Leg) -> Attempt {
    Attempt { step: step.clone(), leg, number: 1 }
}
