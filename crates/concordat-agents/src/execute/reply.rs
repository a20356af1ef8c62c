//! What an agent's reply means: the status, then the headers, then the envelope.
//!
//! Pure: the client hands in what it read, within the limits. The order matters, because a reply can be wrong in
//! several ways at once: what says "do not read on" comes first.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::answer::{Answer, Refusal, RefusalKind};
use crate::http::{Envelope, Head, Limits, Malformed, Unknown};

/// What stands in the head of a reply, once it may be read at all.
#[derive(Debug)]
pub(super) struct Reply(Head);

impl Reply {
    /// Refuses what no body can make right: a redirect, a flood of headers, a compressed body.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, limits: &Limits) -> Result<Reply, Malformed> {
        let head = Head::read(status, headers, &["application/json"], limits)?;
        if status.is_success() && status != StatusCode::OK {
            return Err(Malformed::Status { status: status.as_u16() });
        }
        Ok(Reply(head))
    }

    /// Reads the body, as a JSON-RPC answer to the request `id`, or as what the status alone means.
    pub(super) fn answer(self, body: &[u8], id: &str, limits: &Limits) -> Answer {
        let envelope = match &self.0.content {
            Ok(_) => Envelope::read(body, id, limits),
            Err(why) => Err(why.clone()),
        };
        match envelope {
            Ok(Envelope::Result(value)) if !self.is_error() => Answer::Completed(value),
            Ok(Envelope::Result(_)) => Malformed::Envelope { why: "a result under an error status" }.into(),
            Ok(Envelope::Error { code, message }) => Answer::Refused(self.refusal(Some(code), message)),
            Err(why) if !self.is_error() => why.into(),
            Err(_) => self.status_alone(),
        }
    }

    /// An error status without a JSON-RPC answer.
    pub(super) fn status_alone(self) -> Answer {
        let status = self.0.status.as_u16();
        let begun = self.0.status.is_server_error() && self.0.retry_after.is_none();
        if begun {
            return Unknown::Status { status }.into();
        }
        Answer::Refused(self.refusal(None, format!("status {status} without a JSON-RPC answer")))
    }

    /// Whether this is an error status, which means something even when its body is unreadable.
    pub(super) fn is_error(&self) -> bool {
        self.0.status != StatusCode::OK
    }

    fn refusal(self, code: Option<i64>, message: String) -> Refusal {
        let kind = match code {
            Some(-32601) => RefusalKind::UnknownSkill,
            Some(-32602) => RefusalKind::BadParams,
            _ if self.0.is_busy() => RefusalKind::Busy,
            _ => RefusalKind::Failed,
        };
        Refusal { kind, code, status: self.0.status.as_u16(), message, retry_after: self.0.retry_after }
    }
}
