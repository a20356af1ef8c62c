//! The event in the log by which trust changes: enough to explain it and to compute it again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seen, TrustKey, TrustState};
use crate::contract::Risk;
use crate::id::{DecisionId, RunId};
use crate::name::{PrincipalName, TenantName};
use crate::work::Attempt;

/// Trust changed because something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustChanged {
    /// Trust in what.
    pub key: TrustKey,
    /// What was seen.
    pub seen: Seen,
    /// How much was at stake; absent where nothing was said, and by the first formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Where it was seen.
    pub cause: Cause,
    /// The state before.
    pub before: TrustState,
    /// The state after; its `since` is the hour in which it was seen.
    pub after: TrustState,
    /// By which formula the one follows from the other.
    pub formula: Formula,
}

/// Where something was seen, or who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cause {
    /// Concordat saw it itself.
    Attempt(AttemptCause),
    /// Somebody rated a contract's work.
    Rating(RatingCause),
    /// Somebody testified, with their name and a reason.
    Person(PersonCause),
    /// The skill was tried with its example.
    Probe(ProbeCause),
}

/// The attempt in which something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptCause {
    /// The run.
    pub run: RunId,
    /// The step, leg and try.
    pub attempt: Attempt,
}

/// A person's rating of a contract's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingCause {
    /// The run that was rated.
    pub run: RunId,
    /// Who rated it.
    pub rated_by: PrincipalName,
    /// Their organisation.
    pub tenant: TenantName,
    /// The access decision that let them.
    pub access: DecisionId,
}

/// A person's word, which is evidence and never a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonCause {
    /// Who says so.
    pub by: PrincipalName,
    /// Why, in their words.
    pub reason: String,
    /// The access decision that let them.
    pub access: DecisionId,
}

/// The try of a skill in which something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeCause {
    /// The enroll decision by which the example was sent.
    pub probe: DecisionId,
}

impl Cause {
    /// The attempt in which something was seen.
    #[must_use]
    pub fn attempt(run: RunId, attempt: Attempt) -> Cause {
        Cause::Attempt(AttemptCause { run, attempt })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Attempt(AttemptCause { run, attempt }) => {
                write!(f, "attempt {} of `{}` in `{run}`", attempt.number, attempt.step)
            }
            Cause::Rating(RatingCause { run, rated_by, .. }) => {
                write!(f, "the rating of `{run}` by `{rated_by}`")
            }
            Cause::Person(PersonCause { by, .. }) => write!(f, "the word of `{by}`"),
            Cause::Probe(ProbeCause { probe }) => write!(f, "a try that `{probe}` let happen"),
        }
    }
}

/// How trust is computed. A formula never changes: a better one gets a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Formula {
    /// Decayed Beta counts in millionths, half-life 30 days in whole hours, at most 10,000 outcomes.
    #[serde(rename = "beta/1")]
    Beta1,
    /// The same along five dimensions, with what was at stake, people's word, and an owner's worst record.
    #[serde(rename = "beta/2")]
    Beta2,
}
