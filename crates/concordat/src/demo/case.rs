//! Cases: what a contract does with one input, written so that whoever ordered the contract can read it.
//!
//! A case is a file in `contracts/<name>/cases/`. It says what goes in, how agents behave, and what must come out;
//! the program that carries it out stands with the tests. What a case leaves out is not looked at.
//!
//! ```yaml
//! name: an amount beyond the limit gives everything back
//! input: {applicant_id: ap-1010, amount: 500000, income: 48000}
//! agents: {loan-office: work}
//! expect: {status: undone, undone: [risk, credit]}
//! ```
//!
//! In the cases of a submission steps are written `contract.step`, the contract by its name in the submission.

use std::collections::BTreeMap;
use std::fmt;

use concordat_model::contract::EventName;
use concordat_model::document::{self, Notation};
use concordat_model::name::{AgentName, DomainName};
use concordat_model::problem::Problems;
use serde::Deserialize;
use serde_json::Value;

use super::agents::Manner;

/// One case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a sentence.
    pub name: String,
    /// What the contract is given; nothing for a submission, whose inputs stand in it.
    #[serde(default)]
    pub input: Option<Value>,
    /// What agents have proven before the case begins.
    #[serde(default)]
    pub trust: TrustBefore,
    /// How agents treat every call of this case; others are disposed as they usually are.
    #[serde(default)]
    pub agents: BTreeMap<AgentName, Manner>,
    /// The answers of a second person, in the order of asking; reviews beyond them stay open.
    #[serde(default)]
    pub reviews: Vec<Verdict>,
    /// Events that are told one after another, whenever nothing moves any more without one.
    #[serde(default)]
    pub events: Vec<Occurrence>,
    /// What must hold in the end.
    pub expect: Expect,
}

/// An event that is told during a case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: EventName,
    /// What it says.
    #[serde(default)]
    pub data: Value,
}

/// What agents have proven before a case begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustBefore {
    /// They have done the trials of the case's skills.
    #[default]
    Earned,
    /// Nothing: a fresh installation.
    None,
}

/// A second person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// What must hold when nothing moves any more without a person.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The codes for which the document is not taken in at all; nothing else is expected then.
    pub problems: Vec<String>,
    /// What the classifier says.
    pub domain: Option<DomainName>,
    /// What the admit gate answers first.
    pub admission: Option<Admission>,
    /// Reasons that the admit gate gives, at least these.
    pub codes: Vec<String>,
    /// How the contract stands.
    pub status: Option<Status>,
    /// How each contract of a submission stands.
    pub contracts: BTreeMap<String, Status>,
    /// What was released before something else was given to anybody.
    pub order: Vec<Before>,
    /// Exactly the steps that were skipped; a failure that is tolerated is no skip.
    pub skipped: Option<Vec<String>>,
    /// Exactly the steps that were answered from an earlier result.
    pub recalled: Option<Vec<String>>,
    /// Exactly the steps that were undone, in this order.
    pub undone: Option<Vec<String>>,
    /// Steps that failed for good, and their codes.
    pub failed: BTreeMap<String, String>,
    /// Agents that policy kept out of at least one step, and one of its reasons.
    pub passed_over: BTreeMap<AgentName, String>,
    /// What the result holds at least; see [`misfit`].
    pub output: Option<Value>,
}

/// What the admit gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Yes.
    Permit,
    /// People.
    Review,
    /// No.
    Deny,
}

/// A status word, as lists and the API show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything was done.
    Completed,
    /// It stopped, and what was done stays, or could not be undone.
    Failed,
    /// It stopped, and what was done was undone.
    Undone,
    /// Policy refused it.
    Denied,
    /// People refused it.
    Rejected,
    /// Somebody cancelled it.
    Cancelled,
    /// Nothing moves until a person answers.
    InReview,
    /// It waits for other contracts.
    Waiting,
}

impl Status {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Undone => "undone",
            Status::Denied => "denied",
            Status::Rejected => "rejected",
            Status::Cancelled => "cancelled",
            Status::InReview => "in_review",
            Status::Waiting => "waiting",
        }
    }
}

/// One step's result was released before another step was given to anybody: `credit < risk`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Before {
    /// The step that comes first.
    pub first: String,
    /// The step that comes after it.
    pub then: String,
}

/// A text that is not `a < b`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` says nothing about an order: write it like `credit < risk`")]
pub struct NoOrder(String);

impl TryFrom<String> for Before {
    type Error = NoOrder;

    fn try_from(text: String) -> Result<Before, NoOrder> {
        let (first, then) = text.split_once('<').ok_or_else(|| NoOrder(text.clone()))?;
        let (first, then) = (first.trim(), then.trim());
        if first.is_empty() || then.is_empty() || then.contains('<') {
            return Err(NoOrder(text));
        }
        Ok(Before { first: first.to_owned(), then: then.to_owned() })
    }
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} < {}", self.first, self.then)
    }
}

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn read(yaml: &[u8]) -> Result<Case, Problems> {
        document::read(yaml, Notation::Yaml)
    }
}

/// Where a value does not hold what was wanted, if anywhere: a member that nobody wanted does not matter, and a list
/// begins with the wanted items and may go on.
#[must_use]
pub fn misfit(wanted: &Value, found: &Value) -> Option<String> {
    fn at(pointer: &str, wanted: &Value, found: Option<&Value>) -> Option<String> {
        match (wanted, found) {
            (Value::Object(wanted), Some(Value::Object(found))) => wanted
                .iter()
                .find_map(|(name, value)| at(&format!("{pointer}/{name}"), value, found.get(name))),
            (Value::Array(wanted), Some(Value::Array(found))) if wanted.is_empty() == found.is_empty() => {
                wanted
                    .iter()
                    .enumerate()
                    .find_map(|(nth, value)| at(&format!("{pointer}/{nth}"), value, found.get(nth)))
            }
            (wanted, Some(found)) if wanted == found => None,
            (wanted, found) => {
                let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`"));
                let place = if pointer.is_empty() { "the result" } else { pointer };
                Some(format!("{place} is {found} and not `{wanted}`"))
            }
        }
    }
    at("", wanted, Some(found))
}

#[cfg(test)]
mod tests;
