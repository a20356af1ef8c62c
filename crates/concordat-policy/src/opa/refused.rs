//! Every way in which OPA's API says no, in OPA's words.

use serde::Serialize;

use super::Change;
use crate::evaluate::Located;
use crate::failure::{Failed, Failure};

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What was sent is wrong.
    #[error("{0}")]
    Parameter(String),
    /// Modules that cannot be compiled.
    #[error("error(s) occurred while compiling module(s)")]
    Modules(Vec<Fault>),
    /// Modules that cannot do without what was to be removed.
    #[error("error(s) occurred while compiling module(s)")]
    Needed(Vec<Fault>),
    /// A query that cannot be asked.
    #[error("error(s) occurred while parsing query")]
    Query(Vec<Fault>),
    /// There is no such document or module.
    #[error("storage_not_found_error: {0}")]
    NotFound(String),
    /// Something else is in the way.
    #[error("storage_write_conflict_error: {0}")]
    Conflict(String),
    /// The evaluation failed.
    #[error("error(s) occurred while evaluating query")]
    Evaluation(Vec<Fault>),
    /// Something is larger than what is taken.
    #[error("{0}")]
    TooLarge(String),
}

/// One mistake, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// OPA's code for it.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Where, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A place in a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The module's id; empty within a query.
    pub file: String,
    /// The line, from 1.
    pub row: u32,
    /// The column, from 1.
    pub col: u32,
}

impl Refused {
    pub(super) fn no_policy(id: &str) -> Refused {
        Refused::NotFound(format!("policy id \"{id}\""))
    }

    pub(super) fn no_document(path: &[String]) -> Refused {
        Refused::NotFound(format!("/{}: document does not exist", path.join("/")))
    }

    pub(super) fn module(code: &str, file: &str, row: usize, col: usize, message: String) -> Refused {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let location = Location { file: file.to_owned(), row: number(row), col: number(col) };
        Refused::Modules(vec![Fault { code: code.to_owned(), message, location: Some(location) }])
    }

    /// The same when the change takes something away.
    pub(super) fn removing(self, change: &Change) -> Refused {
        match (self, change) {
            (Refused::Modules(faults), Change::PolicyRemoved { .. }) => Refused::Needed(faults),
            (other, _) => other,
        }
    }

    /// The same when a query is meant.
    pub(super) fn in_query(self) -> Refused {
        match self {
            Refused::Modules(faults) => Refused::Query(faults),
            other => other,
        }
    }

    pub(super) fn evaluation(failed: &Failed, told: Option<&Located>) -> Refused {
        let code = match failed.failure {
            Failure::Conflict => "eval_conflict_error",
            Failure::Timeout => "eval_cancel_error",
            Failure::Error => "eval_builtin_error",
            _ => "eval_internal_error",
        };
        let message = match (failed.failure, told) {
            (Failure::Timeout, _) => "the evaluation took longer than it may: 100 ms".to_owned(),
            (Failure::Crashed, _) => "the evaluator crashed".to_owned(),
            (_, Some(told)) => told.message.clone(),
            (_, None) => failed.detail.clone(),
        };
        let location = told.filter(|told| told.line > 0).map(Location::from);
        Refused::Evaluation(vec![Fault { code: code.to_owned(), message, location }])
    }

    /// Whether a mistake has these words.
    pub(super) fn says(&self, words: &str) -> bool {
        self.faults().iter().any(|fault| fault.message.contains(words))
    }

    /// The mistakes, one by one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Refused::Modules(faults)
            | Refused::Needed(faults)
            | Refused::Query(faults)
            | Refused::Evaluation(faults) => faults,
            _ => &[],
        }
    }

    /// OPA's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refused::Parameter(_) | Refused::Modules(_) | Refused::Query(_) | Refused::TooLarge(_) => {
                "invalid_parameter"
            }
            Refused::Needed(_) => "invalid_operation",
            Refused::NotFound(_) => "resource_not_found",
            Refused::Conflict(_) => "resource_conflict",
            Refused::Evaluation(_) => "internal_error",
        }
    }
}

impl From<&Located> for Location {
    fn from(told: &Located) -> Location {
        Location { file: told.file.clone(), row: told.line, col: told.column }
    }
}
