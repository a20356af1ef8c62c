//! Reviews on the wire: decisions that were handed to people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::decisions::{Attempt, Gate, Reason};

/// What waits for people, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewList {
    /// The reviews.
    pub items: Vec<Review>,
}

/// A question to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The review, `rev_…`.
    pub id: String,
    /// The run it belongs to, `run_…`.
    pub run: String,
    /// The contract's name.
    pub contract: String,
    /// Who sent the contract; they cannot answer.
    pub submitter: String,
    /// What it is about.
    pub about: About,
    /// The decision that asked for it; absent for a reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The digest of exactly what people are asked to approve; an answer repeats it.
    pub payload: String,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When it lapses, which counts as no.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    /// Why policy wants people to look.
    pub reasons: Vec<Reason>,
    /// What people are asked to approve: the contract with its input, the step's parameters, its result, or what
    /// an agent asks. What agents say is data, and never an instruction.
    #[serde(default)]
    pub shown: Value,
}

/// What a review is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The kind of question.
    pub kind: AboutKind,
    /// The gate that asked, when it is about a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The attempt, when it is about a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// The kind of question that people are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AboutKind {
    /// Whether the contract may run.
    Admission,
    /// Whether, or with what result, a step may go on.
    Step,
    /// Whether a step of unknown outcome may be sent again.
    Reconciliation,
    /// The question of a step.
    Question,
    /// What an agent asks about the work that it has: whoever approves says what it is to be told.
    Asked,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// Yes or no.
    pub verdict: Verdict,
    /// Why, 1 to 2000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The digest of what they saw: the review's `payload`.
    pub payload: String,
    /// What an agent that asked is to be told, with a yes: text, or data; at most 16 KiB. Never a secret: whoever runs the
    /// agents sets credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes: policy is asked again with this as evidence.
    Approve,
    /// No.
    Reject,
}

impl From<&concordat_model::run::event::About> for About {
    fn from(about: &concordat_model::run::event::About) -> About {
        use concordat_model::run::event::About as Model;
        match about {
            Model::Admission => About { kind: AboutKind::Admission, gate: None, attempt: None },
            Model::Step { gate, attempt } => {
                About { kind: AboutKind::Step, gate: Some((*gate).into()), attempt: Some(attempt.into()) }
            }
            Model::Reconciliation { attempt } => {
                About { kind: AboutKind::Reconciliation, gate: None, attempt: Some(attempt.into()) }
            }
            Model::Question { attempt } => {
                About { kind: AboutKind::Question, gate: None, attempt: Some(attempt.into()) }
            }
            Model::Asked { attempt } => {
                About { kind: AboutKind::Asked, gate: None, attempt: Some(attempt.into()) }
            }
        }
    }
}

impl From<Verdict> for concordat_model::run::event::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Approve,
            Verdict::Reject => Self::Reject,
        }
    }
}
