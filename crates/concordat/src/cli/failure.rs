//! Why a command did not do what it was asked: the words, and the number for the shell.

use std::fmt::Write as _;

use concordat_model::problem::{Problem, Problems};
use concordat_server::api::decisions::Reason;
use concordat_server::api::problem::Fault;

use super::caret::{self, visible};
use super::document::DocumentError;
use super::exit::Exit;
use super::wrap::{WrapError, Wrapped};
use crate::client::error::{ClientError, Refused};
use crate::whole_file::Unwritten;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// Documents are wrong; the text shows where.
    #[error("{0}")]
    Documents(String),
    /// The server was asked in vain.
    #[error("{}", client_words(.0))]
    Client(#[from] ClientError),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// The log is not what was signed.
    #[error("the log is NOT what was signed: {0}")]
    Tampered(String),
    /// The log cannot be verified.
    #[error("the log cannot be verified: {0}")]
    Unverifiable(String),
    /// Concordat itself failed.
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

impl Failure {
    /// The number for the shell.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) | Failure::Documents(_) => Exit::Usage,
            Failure::NotFound(_) => Exit::NotFound,
            Failure::Conflict(_) => Exit::Conflict,
            Failure::Tampered(_) => Exit::Tampered,
            Failure::Unverifiable(_) => Exit::Unverifiable,
            Failure::Internal(_) => Exit::Internal,
            Failure::Client(error) => client_exit(error),
        }
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Failure {
        match error {
            DocumentError::Wrong { document, problems } => {
                Failure::Documents(caret::all(&document.name, &document.bytes, &problems))
            }
            other => Failure::Usage(other.to_string()),
        }
    }
}

impl From<Unwritten> for Failure {
    fn from(error: Unwritten) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<WrapError> for Failure {
    fn from(error: WrapError) -> Failure {
        match error {
            WrapError::Document(error) => error.into(),
            other => Failure::Usage(other.to_string()),
        }
    }
}

/// The same failure, with what the server found wrong shown in the documents that people wrote.
#[must_use]
pub fn in_documents(error: ClientError, sent: &Wrapped) -> Failure {
    match error {
        ClientError::Refused(refused) if !refused.problem.errors.is_empty() => {
            let problems: Vec<Problem> = refused.problem.errors.iter().map(problem).collect();
            shown(sent, &problems)
        }
        other => other.into(),
    }
}

/// Problems of a submission, shown in the documents that people wrote.
#[must_use]
pub fn shown(sent: &Wrapped, problems: &[Problem]) -> Failure {
    let traced = sent.trace(problems);
    let mut shown = Vec::new();
    for (document, problems) in traced.documents {
        if let Err(problems) = Problems::check(problems) {
            shown.push(caret::all(&document.name, &document.bytes, &problems));
        }
    }
    shown.extend(traced.elsewhere.iter().map(|problem| format!("{}\n", visible(&problem.to_string()))));
    Failure::Documents(shown.join("\n"))
}

fn problem(fault: &Fault) -> Problem {
    Problem {
        code: fault.code.clone(),
        pointer: fault.pointer.clone(),
        line: fault.line,
        column: fault.column,
        message: fault.message.clone(),
        hint: fault.hint.clone(),
    }
}

fn client_exit(error: &ClientError) -> Exit {
    match error {
        ClientError::Address { .. } | ClientError::Key => Exit::Usage,
        ClientError::Unreachable { .. } | ClientError::Broken { .. } => Exit::Unavailable,
        ClientError::Odd { .. } => Exit::Internal,
        ClientError::Refused(refused) => match (refused.problem.status, refused.problem.code.as_str()) {
            (_, "idempotency-key-reused") => Exit::Conflict,
            (401 | 403, _) => Exit::Unauthorised,
            (404 | 410, _) => Exit::NotFound,
            (409 | 412 | 428, _) => Exit::Conflict,
            (429 | 502..=504, _) => Exit::Unavailable,
            (400..=499, _) => Exit::Usage,
            _ => Exit::Internal,
        },
    }
}

fn client_words(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refused) => refused_words(refused),
        other => visible(&other.to_string()),
    }
}

fn refused_words(refused: &Refused) -> String {
    let Refused { problem, retry_after } = refused;
    let mut words = visible(&problem.detail);
    for fault in &problem.errors {
        let file = fault.file.as_ref().map(|file| format!("{}:", visible(file))).unwrap_or_default();
        let _ = write!(words, "\n  {file}{}", visible(&self::problem(fault).to_string()));
        if let Some(hint) = &fault.hint {
            let _ = write!(words, "\n    hint: {}", visible(hint));
        }
    }
    words.push_str(&reasons(&problem.reasons));
    if let Some(decision) = &problem.decision_id {
        let _ = write!(words, "\n  decision: {0} (see `concordat why {0}`)", visible(decision));
    }
    if let Some(incident) = &problem.incident {
        let _ = write!(words, "\n  the server's own log says more under {}", visible(incident));
    }
    if let Some(seconds) = retry_after {
        let _ = write!(words, "\n  hint: try again in {seconds} s");
    }
    if problem.status == 401 {
        words.push_str(
            "\n  hint: set CONCORDAT_KEY, or name a file that holds your key with `--key-file FILE`",
        );
    }
    words
}

/// The reasons of a refusal, one line each, with their way out.
#[must_use]
pub fn reasons(reasons: &[Reason]) -> String {
    let mut words = String::new();
    for Reason { code, message, fix } in reasons {
        let _ = write!(words, "\n  {}: {}", visible(code), visible(message));
        if let Some(fix) = fix {
            let _ = write!(words, "\n    hint: {}", visible(fix));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use concordat_server::api::problem;

    use super::*;

    fn refused(status: u16, code: &str) -> ClientError {
        let problem = problem::Problem {
            kind: format!("/docs/errors/{code}"),
            title: "no".to_owned(),
            status,
            code: code.to_owned(),
            detail: "policy does not permit this".to_owned(),
            errors: Vec::new(),
            reasons: vec![Reason {
                code: "role_missing".to_owned(),
                message: "a viewer may not cancel".to_owned(),
                fix: Some("ask a submitter".to_owned()),
            }],
            decision_id: Some("dec_1".to_owned()),
            incident: None,
            retryable: false,
        };
        ClientError::Refused(Box::new(Refused { problem, retry_after: None }))
    }

    #[test]
    fn every_refusal_has_its_number() {
        for (status, code, wanted) in [
            (400, "query-invalid", 2),
            (401, "unauthenticated", 4),
            (403, "policy-forbidden", 4),
            (404, "not-found", 5),
            (405, "method-not-allowed", 2),
            (409, "conflict", 6),
            (413, "body-too-large", 2),
            (415, "media-type", 2),
            (422, "document-invalid", 2),
            (422, "idempotency-key-reused", 6),
            (429, "busy", 8),
            (500, "internal", 70),
            (503, "halted", 8),
        ] {
            assert_eq!(Failure::from(refused(status, code)).exit().number(), wanted, "{status} {code}");
        }
        let server = "http://127.0.0.1:1".to_owned();
        let unreachable = ClientError::Unreachable { server, why: "connection refused".to_owned() };
        assert_eq!(Failure::from(unreachable).exit(), Exit::Unavailable);
    }

    #[test]
    fn refusals_say_why_and_the_way_out() {
        insta::assert_snapshot!(Failure::from(refused(403, "policy-forbidden")));
        assert!(
            Failure::from(refused(401, "unauthenticated")).to_string().contains("hint: set CONCORDAT_KEY")
        );
    }
}
