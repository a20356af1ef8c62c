//! Everything that can happen to a run.
//!
//! A written event never changes its meaning: what is new is a new variant, and old logs keep folding.
//! Payloads (contracts, parameters, outputs) are named by digest and stored beside the log.

mod parts;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classification::Classification;
use crate::decision::Decision;
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, EventId, ReviewId, RunId, SubmissionId};
use crate::money::Money;
use crate::name::{AgentName, ContractName, PrincipalName, SkillName, StepName};
use crate::principal::Principal;
use crate::step_id::StepId;
use crate::work::Leg;

pub use crate::work::{Attempt, RemoteTask};
pub use parts::{About, Allotment, Cause, Draw, Ending, Failure, Origin, Reply, Skip, Verdict};

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
        /// How it came about.
        #[serde(default, skip_serializing_if = "Origin::is_submitted")]
        origin: Origin,
    },
    /// A step's result was taken over from an earlier run of the same contract.
    Reused {
        /// The step.
        step: StepName,
        /// Who did it then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
        /// The result.
        output: Digest,
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
        /// The digest of what an agent that asked is to be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Digest>,
    },
    /// Nobody answered in time.
    ReviewLapsed {
        /// The review.
        review: ReviewId,
    },
    /// A step will not run.
    Skipped {
        /// The step.
        step: StepId,
        /// Why not.
        because: Skip,
    },
    /// A step is done once for each of several items.
    Spread {
        /// The step.
        step: StepName,
        /// The digest of the list.
        items: Digest,
        /// Its length.
        count: u32,
    },
    /// A step waits for events or for a moment.
    Listening {
        /// The attempt.
        attempt: Attempt,
        /// The digest of what it waits for.
        expectation: Digest,
        /// Until when; for a moment, that moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// An event came that a step waits for.
    Heard {
        /// The attempt.
        attempt: Attempt,
        /// The event.
        heard: EventId,
        /// The digest of the event.
        content: Digest,
        /// When the event was recorded.
        at: Timestamp,
    },
    /// A step that no agent does has its result.
    Concluded {
        /// The attempt.
        attempt: Attempt,
        /// The digest of the result.
        output: Digest,
    },
    /// A step is carried out as a contract of its own.
    Delegated {
        /// The attempt.
        attempt: Attempt,
        /// The run of that contract.
        run: RunId,
        /// What it may use up of this run's budget.
        allotted: Allotment,
        /// The release decision on the answer that it was made from, when an agent decomposed the step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<DecisionId>,
    },
    /// The contract's fallback is carried out, after everything else failed.
    FellBack {
        /// The run of the fallback.
        run: RunId,
        /// What it may use up of this run's budget.
        allotted: Allotment,
    },
    /// A contract within this one is over.
    Returned {
        /// Its run.
        run: RunId,
        /// What it used up.
        used: Allotment,
    },
    /// An earlier result for the same agent revision, skill and parameters is used instead of a call.
    Recalled {
        /// The attempt.
        attempt: Attempt,
        /// The agent that gave the result.
        agent: AgentId,
        /// The decision that permits this agent for this step.
        decision: DecisionId,
        /// The digest of the parameters.
        params: Digest,
        /// The result.
        output: Digest,
        /// The run that it was given to.
        from: RunId,
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
        /// The instance that it was sent to, where the agent has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
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
    /// An agent asks something before it goes on with the work, and waits.
    Asked {
        /// The attempt.
        attempt: Attempt,
        /// The digest of the question, as people are shown it.
        question: Digest,
        /// What the agent calls the work.
        task: RemoteTask,
        /// From sending to the question.
        latency_ms: u64,
    },
    /// An agent is told a person's answer: recorded before the first byte is sent.
    Told {
        /// The attempt.
        attempt: Attempt,
        /// The agent.
        agent: AgentId,
        /// The decision that permits it.
        decision: DecisionId,
        /// The digest of the answer.
        answer: Digest,
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
    /// Nothing new begins until it is resumed.
    Paused {
        /// Who paused it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It goes on after a pause.
    Resumed {
        /// Who resumed it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// Its deadline was put off.
    Extended {
        /// The new deadline.
        deadline: Timestamp,
        /// Who did it.
        by: PrincipalName,
        /// Why, in their words.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// Nothing new starts from here on.
    Closing {
        /// Why.
        cause: Cause,
    },
    /// Finished steps are being undone, in this order.
    Undoing {
        /// The steps.
        steps: Vec<StepId>,
    },
    /// The run is over.
    Ended {
        /// How.
        ending: Ending,
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
            Event::Asked { .. } => "step.asked",
            Event::Told { .. } => "step.told",
            Event::Released { .. } => "step.released",
            Event::Retrying { .. } => "step.retrying",
            Event::Failed { .. } => "step.failed",
            Event::Parked { .. } => "step.parked",
            Event::Reused { .. } => "step.reused",
            Event::Spread { .. } => "step.spread",
            Event::Listening { .. } => "step.listening",
            Event::Heard { .. } => "step.heard",
            Event::Concluded { .. } => "step.concluded",
            Event::Delegated { .. } => "step.delegated",
            Event::FellBack { .. } => "contract.fell_back",
            Event::Returned { .. } => "contract.returned",
            Event::Recalled { .. } => "step.recalled",
            Event::Paused { .. } => "contract.paused",
            Event::Resumed { .. } => "contract.resumed",
            Event::Extended { .. } => "contract.extended",
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
            Event::Reused { output, .. } | Event::Concluded { output, .. } => vec![*output],
            Event::Recalled { params, output, .. } => vec![*params, *output],
            Event::Spread { items, .. } => vec![*items],
            Event::Listening { expectation, .. } => vec![*expectation],
            Event::Heard { content, .. } => vec![*content],
            Event::Asked { question, .. } => vec![*question],
            Event::ReviewAnswered { answer: Some(answer), .. } | Event::Told { answer, .. } => vec![*answer],
            Event::Answered { reply: Reply::Output { output, .. }, .. } => vec![*output],
            Event::Ended { ending: Ending::Completed { output } } => vec![*output],
            Event::Decided { decision, .. } => {
                let provenance = &decision.provenance;
                [Some(provenance.input), provenance.explanation].into_iter().flatten().collect()
            }
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
pub fn first(step: &StepId, leg: Leg) -> Attempt {
    Attempt { step: step.clone(), leg, number: 1 }
}
