//! What an agent's reply means: the status, then the headers, then the envelope.
//!
//! Pure: the client hands in what it read, within the limits. The order matters, because a reply can be wrong in
//! several ways at once: what says "do not read on" comes first.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde_json::{Map, Value};

use super::answer::{Answer, Malformed, Refusal, RefusalKind, Unknown};
use super::limits::Limits;
use super::saying::tame;
use super::strict;

/// The longest time for which an agent may ask to be left alone.
const LONGEST_RETRY_AFTER: u64 = 3600;

/// What stands in the head of a reply, once it may be read at all.
#[derive(Debug)]
pub(super) struct Head {
    status: StatusCode,
    /// The wrong content type, made safe to show.
    not_json: Option<String>,
    retry_after: Option<Duration>,
}

impl Head {
    /// Refuses what no body can make right: a redirect, a flood of headers, a compressed body.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, limits: &Limits) -> Result<Head, Malformed> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > limits.headers || bytes > limits.header_bytes {
            return Err(Malformed::Headers { fields: limits.headers, bytes: limits.header_bytes });
        }
        if status.is_redirection() {
            return Err(Malformed::Redirect { status: status.as_u16() });
        }
        let answers = status == StatusCode::OK || status.is_client_error() || status.is_server_error();
        if !answers {
            return Err(Malformed::Status { status: status.as_u16() });
        }
        if let Some(encoding) = headers.get(CONTENT_ENCODING) {
            return Err(Malformed::ContentEncoding { found: shown(encoding.as_bytes(), limits) });
        }
        let retry_after = if matches!(status.as_u16(), 429 | 503) { retry_after(headers) } else { None };
        Ok(Head { status, not_json: wrong_content_type(headers, limits), retry_after })
    }

    /// Reads the body, as a JSON-RPC answer to the request `id`, or as what the status alone means.
    pub(super) fn answer(self, body: &[u8], id: &str, limits: &Limits) -> Answer {
        let envelope = match &self.not_json {
            Some(found) => Err(Malformed::ContentType { found: found.clone() }),
            None => Envelope::read(body, id, limits),
        };
        match envelope {
            Ok(Envelope::Result(value)) if self.status == StatusCode::OK => Answer::Completed(value),
            Ok(Envelope::Result(_)) => Malformed::Envelope { why: "a result under an error status" }.into(),
            Ok(Envelope::Error { code, message }) => Answer::Refused(self.refusal(Some(code), message)),
            Err(why) if self.status == StatusCode::OK => why.into(),
            Err(_) => self.status_alone(),
        }
    }

    /// An error status without a JSON-RPC answer.
    pub(super) fn status_alone(self) -> Answer {
        let status = self.status.as_u16();
        let begun = self.status.is_server_error() && self.retry_after.is_none();
        if begun {
            return Unknown::Status { status }.into();
        }
        Answer::Refused(self.refusal(None, format!("status {status} without a JSON-RPC answer")))
    }

    /// Whether this is an error status, which means something even when its body is unreadable.
    pub(super) fn is_error(&self) -> bool {
        self.status != StatusCode::OK
    }

    fn refusal(self, code: Option<i64>, message: String) -> Refusal {
        let busy = self.status == StatusCode::TOO_MANY_REQUESTS || self.retry_after.is_some();
        let kind = match code {
            Some(-32601) => RefusalKind::UnknownSkill,
            Some(-32602) => RefusalKind::BadParams,
            _ if busy => RefusalKind::Busy,
            _ => RefusalKind::Failed,
        };
        Refusal { kind, code, status: self.status.as_u16(), message, retry_after: self.retry_after }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let seconds = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) => Duration::MAX,
        Err(_) => {
            let until = httpdate::parse_http_date(asked).ok()?;
            // Without its own time, a date says that the agent has too much to do, and not for how long.
            let now = text(DATE).and_then(|now| httpdate::parse_http_date(now).ok()).unwrap_or(until);
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(seconds.min(Duration::from_secs(LONGEST_RETRY_AFTER)))
}

/// `None` for `application/json`, alone or with `charset=utf-8`.
fn wrong_content_type(headers: &HeaderMap, limits: &Limits) -> Option<String> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (types.next(), types.next());
    let Some(first) = first else { return Some("nothing".to_owned()) };
    let text = String::from_utf8_lossy(first.as_bytes()).to_ascii_lowercase();
    let (essence, parameter) = text.split_once(';').unwrap_or((&text, ""));
    let right = essence.trim() == "application/json"
        && matches!(parameter.trim(), "" | "charset=utf-8" | "charset=\"utf-8\"")
        && second.is_none();
    if right { None } else { Some(shown(first.as_bytes(), limits)) }
}

fn shown(bytes: &[u8], limits: &Limits) -> String {
    tame(&String::from_utf8_lossy(bytes), limits.message)
}

/// A JSON-RPC 2.0 response to our request.
enum Envelope {
    Result(Value),
    Error { code: i64, message: String },
}

impl Envelope {
    fn read(body: &[u8], id: &str, limits: &Limits) -> Result<Envelope, Malformed> {
        let wrong = |why| Malformed::Envelope { why };
        let mut members = match strict::read(body, limits)? {
            Value::Object(members) => members,
            Value::Array(_) => return Err(wrong("a batch where one response is due")),
            _ => return Err(wrong("it is not an object")),
        };
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(wrong("`jsonrpc` is not \"2.0\""));
        }
        if members.get("id").and_then(Value::as_str) != Some(id) {
            return Err(Malformed::WrongId);
        }
        match (members.remove("result"), members.remove("error")) {
            (Some(result), None) => Ok(Envelope::Result(result)),
            (None, Some(Value::Object(error))) => Envelope::error(&error, limits),
            (None, Some(_)) => Err(wrong("`error` is not an object")),
            (Some(_), Some(_)) => Err(wrong("both `result` and `error`")),
            (None, None) => Err(wrong("neither `result` nor `error`")),
        }
    }

    fn error(error: &Map<String, Value>, limits: &Limits) -> Result<Envelope, Malformed> {
        let wrong = |why| Malformed::Envelope { why };
        let code = error.get("code").and_then(Value::as_i64);
        let message = error.get("message").and_then(Value::as_str);
        Ok(Envelope::Error {
            code: code.ok_or(wrong("`error.code` is not a whole number"))?,
            message: tame(message.ok_or(wrong("`error.message` is not text"))?, limits.message),
        })
    }
}
