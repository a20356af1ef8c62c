//! One request and what comes back for it: a document, or a stream of events that ends with one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;

use super::speech::{Ask, Manner, Notice, SESSION, headers};
use crate::egress::Endpoint;
use crate::http::{
    Deadline, Envelope, Head, Http, Limits, Malformed, Outgoing, Protocol, Trouble, Unknown, strict,
};

const EVENTS: &str = "text/event-stream";
const DUE: &[&str] = &["application/json", EVENTS];
/// The longest name of a session, in bytes.
const LONGEST_SESSION: usize = 1024;

/// Why there is no result.
pub(super) type Failure = crate::http::Failure<Refusal>;

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code of JSON-RPC; none where only the status of HTTP spoke.
    pub(super) code: Option<i64>,
    pub(super) status: u16,
    /// Whether it has too much to do.
    pub(super) busy: bool,
    /// What it said, tamed.
    pub(super) message: String,
    /// How long it asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// A result, and the session that came with it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) value: Value,
    pub(super) session: Option<HeaderValue>,
}

/// A line to one server, for one order.
pub(super) struct Line<'a> {
    http: &'a Http,
    pub(super) at: &'a Endpoint,
    /// What the ids of our requests begin with.
    prefix: &'a str,
    asked: AtomicU32,
}

impl<'a> Line<'a> {
    pub(super) fn new(http: &'a Http, at: &'a Endpoint, prefix: &'a str) -> Line<'a> {
        Line { http, at, prefix, asked: AtomicU32::new(0) }
    }

    pub(super) fn limits(&self) -> &Limits {
        self.http.limits()
    }

    /// The id that the next request will have.
    pub(super) fn next_id(&self) -> String {
        format!("{}/{}", self.prefix, self.asked.load(Ordering::Relaxed))
    }

    /// Sends a request and reads its answer.
    pub(super) async fn ask(
        &self,
        ask: Ask<'_>,
        manner: &Manner,
        within: Deadline,
    ) -> Result<Answer, Failure> {
        let id = self.next_id();
        self.asked.fetch_add(1, Ordering::Relaxed);
        let response = self.post(ask.headers(manner)?, ask.body(manner, &id), within).await?;
        let head = Head::read(response.status(), response.headers(), DUE, self.limits())?;
        let session = response.headers().get(SESSION).cloned();
        let read = match &head.content {
            Ok(EVENTS) if head.status.is_success() => self.listen(response, &id, within).await,
            Ok(_) => self.http.body(response, within).await.map_err(Failure::from),
            Err(why) => Err(why.clone().into()),
        };
        let envelope = match read {
            Ok(document) => Envelope::read(&document, &id, self.limits()).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match envelope {
            Ok(Envelope::Result(value)) if head.status.is_success() => {
                Ok(Answer { value, session: named(session)? })
            }
            Ok(Envelope::Result(_)) => {
                Err(Malformed::Envelope { why: "a result under an error status" }.into())
            }
            Ok(Envelope::Error { code, message }) => Err(refused(&head, Some(code), message)),
            Err(_) if !head.status.is_success() => Err(status_alone(&head)),
            Err(failure) => Err(failure),
        }
    }

    /// Tells the server something. Whether it listens changes nothing.
    pub(super) async fn tell(&self, notice: Notice<'_>, manner: &Manner, within: Deadline) {
        drop(self.post(headers(manner), notice.body(), within).await);
    }

    /// Ends a session that the server keeps. One that stays behind is the server's to forget.
    pub(super) async fn leave(&self, manner: &Manner, within: Deadline) {
        if matches!(manner, Manner::Session { id: Some(_), .. }) {
            drop(self.send(Method::DELETE, headers(manner), Vec::new(), within).await);
        }
    }

    async fn post(&self, headers: HeaderMap, body: Vec<u8>, within: Deadline) -> Result<Response, Trouble> {
        self.send(Method::POST, headers, body, within).await
    }

    async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Vec<u8>,
        within: Deadline,
    ) -> Result<Response, Trouble> {
        let url = self.at.url().clone();
        let outgoing = Outgoing { endpoint: self.at, method, url, headers, body, first_byte: None };
        self.http.send(outgoing, within).await
    }

    /// The document of the event that answers. What the server tells or asks before is passed over.
    async fn listen(&self, response: Response, id: &str, within: Deadline) -> Result<Vec<u8>, Failure> {
        let mut stream = self.http.stream(response, within);
        while let Some(event) = stream.next().await? {
            // An event without data only gives the stream a place to be taken up from.
            if !event.is_empty() && self.answers(&event, id)? {
                return Ok(event);
            }
        }
        let why = "the stream ended before the answer came".to_owned();
        Err(Unknown::Broken { why }.into())
    }

    /// Whether an event is the answer to the request of this id, or something that the server says besides.
    fn answers(&self, event: &[u8], id: &str) -> Result<bool, Failure> {
        let value = strict::read(event, self.limits())?;
        if value.get("method").is_some() && value.get("id").and_then(Value::as_str) != Some(id) {
            return Ok(false);
        }
        Ok(true)
    }
}

/// A session's name, if it may stand in a header again.
fn named(session: Option<HeaderValue>) -> Result<Option<HeaderValue>, Malformed> {
    let fits = |name: &HeaderValue| {
        (1..=LONGEST_SESSION).contains(&name.len()) && name.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    match session {
        Some(name) if !fits(&name) => {
            let why = format!("the name of the session is not 1 to {LONGEST_SESSION} visible characters");
            Err(Protocol::Mcp.wrong(why))
        }
        other => Ok(other),
    }
}

fn refused(head: &Head, code: Option<i64>, message: String) -> Failure {
    let message = match code {
        Some(code) if message.is_empty() => format!("error {code}"),
        _ => message,
    };
    Failure::Refused(Refusal {
        code,
        status: head.status.as_u16(),
        busy: head.is_busy(),
        message,
        retry_after: head.retry_after,
    })
}

/// An error status without a word of JSON-RPC. A gateway says 500 whether or not it passed the request on.
fn status_alone(head: &Head) -> Failure {
    let status = head.status.as_u16();
    if head.status.is_server_error() && !head.is_busy() {
        return Unknown::Status { status }.into();
    }
    refused(head, None, format!("status {status} without a word of MCP"))
}
