//! How the API says no: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::decisions::Reason;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained: `/docs/errors/` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sentence that all problems of this code share.
    pub title: String,
    /// The HTTP status, 400 to 599.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// A stable kebab-case code such as `document-invalid`.
    pub code: String,
    /// What is wrong this time, in plain words.
    pub detail: String,
    /// Every single thing that is wrong with the document, where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Fault>,
    /// Why policy does not permit it, when policy refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reasons: Vec<Reason>,
    /// The decision behind the refusal, when policy refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// The id under which our own log holds what we do not tell, when we failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// One thing wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// A stable code such as `plan-cycle`.
    pub code: String,
    /// The place as a JSON pointer (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// The file in the bundle that was sent, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the text that was sent, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong, in the author's words.
    pub message: String,
    /// The way out, where we know one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&concordat_model::problem::Problem> for Fault {
    fn from(problem: &concordat_model::problem::Problem) -> Fault {
        Fault {
            code: problem.code.clone(),
            pointer: problem.pointer.clone(),
            file: None,
            line: problem.line,
            column: problem.column,
            message: problem.message.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl From<&concordat_policy::Finding> for Fault {
    fn from(finding: &concordat_policy::Finding) -> Fault {
        let place = |number: u32| Some(u64::from(number)).filter(|number| *number > 0);
        Fault {
            code: finding.code.as_str().to_owned(),
            pointer: String::new(),
            file: Some(finding.file.clone()).filter(|file| !file.is_empty()),
            line: place(finding.line),
            column: place(finding.column),
            message: finding.message.clone(),
            hint: finding.fix.clone(),
        }
    }
}
