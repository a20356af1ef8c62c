//! One request and what comes back for it, in either protocol binding.

use std::sync::atomic::{AtomicU32, Ordering};

use concordat_model::agent::A2aProtocol;
use reqwest::Response;
use serde_json::Value;

use super::hearing;
use super::refusal::{Failure, Reason, Refusal};
use super::speech::{Ask, Interface};
use super::task::{Heard, Known, Task, Told};
use crate::http::{
    Deadline, Envelope, Head, Http, Limits, Malformed, Outgoing, Protocol, Trouble, Unknown, strict, tame,
};

const EVENTS: &str = "text/event-stream";
const JSON: &[&str] = &["application/json"];
const A2A_JSON: &[&str] = &["application/a2a+json", "application/json"];
const STREAM: &[&str] = &[EVENTS, "application/json", "application/a2a+json"];

/// A line to one agent, for one order.
pub(super) struct Line<'a> {
    http: &'a Http,
    at: &'a Interface,
    /// What the ids of our requests begin with.
    prefix: &'a str,
    asked: AtomicU32,
}

impl<'a> Line<'a> {
    pub(super) fn new(http: &'a Http, at: &'a Interface, prefix: &'a str) -> Line<'a> {
        Line { http, at, prefix, asked: AtomicU32::new(0) }
    }

    pub(super) fn limits(&self) -> &Limits {
        self.http.limits()
    }

    /// Sends a message and reads the one answer.
    pub(super) async fn send(&self, ask: Ask<'_>, within: Deadline) -> Result<Heard, Failure> {
        let value = self.ask(ask, within).await?;
        // In 0.3 the answer says itself what it is; in 1.0 it is wrapped.
        Ok(hearing::heard(value, self.at.version)?)
    }

    /// Asks about one task, or for its end.
    pub(super) async fn task(&self, ask: Ask<'_>, within: Deadline) -> Result<Task, Failure> {
        Ok(hearing::task(self.ask(ask, within).await?, self.at.version)?)
    }

    /// Asks which tasks a context has.
    pub(super) async fn tasks(&self, context: &str, within: Deadline) -> Result<Vec<Task>, Failure> {
        Ok(hearing::tasks(self.ask(Ask::List { context }, within).await?, self.at.version)?)
    }

    /// Sends a message and reads events until the work is over, or the stream is. What was told until a stream broke
    /// is kept when it names a task, which can then be asked for, or called off where the stream makes no sense. A stream about a task that is `known` begins in its
    /// middle.
    pub(super) async fn stream(
        &self,
        ask: Ask<'_>,
        known: Option<Known<'_>>,
        within: Deadline,
    ) -> Result<Heard, Failure> {
        let (id, response) = self.request(ask, within).await?;
        let head = Head::read(response.status(), response.headers(), STREAM, self.limits())?;
        if head.content != Ok(EVENTS) {
            return Ok(hearing::heard(self.value(head, response, &id, within).await?, self.at.version)?);
        }
        let mut task = known.map(|known| known.task.begun());
        match self.listen(response, &id, (&mut task, known), within).await {
            Ok(heard) => Ok(heard),
            Err(Failure::Trouble(Trouble::Unknown(why))) => task.map(Heard::Task).ok_or_else(|| why.into()),
            Err(Failure::Trouble(Trouble::Malformed(why))) => match task {
                Some(task) => Ok(Heard::Task(Task { odd: Some(why), ..task })),
                None => Err(why.into()),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn listen(
        &self,
        response: Response,
        id: &str,
        (task, before): (&mut Option<Task>, Option<Known<'_>>),
        within: Deadline,
    ) -> Result<Heard, Failure> {
        let mut stream = self.http.stream(response, within);
        let mut first = true;
        while let Some(event) = stream.next().await? {
            let alone = std::mem::take(&mut first) && before.is_some();
            let known = match (hearing::told(self.event(&event, id)?, self.at.version)?, task.as_mut()) {
                (Told::Whole(message @ Heard::Message(_)), None) => return Ok(message),
                (Told::Whole(message @ Heard::Message(_)), Some(_)) if alone => return Ok(message),
                (Told::Whole(Heard::Task(begun)), None) => {
                    *task = Some(begun);
                    true
                }
                (told, Some(task)) => task.take(told),
                (Told::Status { .. } | Told::Artifact { .. }, None) => false,
            };
            if !known {
                let why = "the stream tells of something else than its one task";
                return Err(Protocol::A2a.wrong(why).into());
            }
            let stale = |task: &Task| before.is_some_and(|before| before.is_stale(task));
            if let Some(over) = task.take_if(|task| task.is_over() && !stale(task)) {
                return Ok(Heard::Task(over));
            }
        }
        let why = "the stream ended before the work did".to_owned();
        Err(Unknown::Broken { why }.into())
    }

    /// The document of one event.
    fn event(&self, data: &[u8], id: &str) -> Result<Value, Failure> {
        match self.at.protocol {
            A2aProtocol::JsonRpc => self.result(data, id, None),
            A2aProtocol::HttpJson => {
                let value = strict::read(data, self.limits())?;
                match value.get("error") {
                    Some(_) => Err(self.refused(&value, None).unwrap_or(Failure::Refused(Refusal {
                        reason: Reason::Other,
                        message: "the stream ends with an error".to_owned(),
                        retry_after: None,
                    }))),
                    None => Ok(value),
                }
            }
        }
    }

    async fn ask(&self, ask: Ask<'_>, within: Deadline) -> Result<Value, Failure> {
        let (id, response) = self.request(ask, within).await?;
        let due = match self.at.protocol {
            A2aProtocol::JsonRpc => JSON,
            A2aProtocol::HttpJson => A2A_JSON,
        };
        let head = Head::read(response.status(), response.headers(), due, self.limits())?;
        self.value(head, response, &id, within).await
    }

    async fn request(&self, ask: Ask<'_>, within: Deadline) -> Result<(String, Response), Failure> {
        let id = format!("{}/{}", self.prefix, self.asked.fetch_add(1, Ordering::Relaxed));
        let request = ask.request(self.at, &id)?;
        let outgoing = Outgoing {
            endpoint: &self.at.endpoint,
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            first_byte: None,
        };
        let response = self.http.send(outgoing, within).await?;
        Ok((id, response))
    }

    /// Reads the body: a document, or a refusal, or what the status alone means.
    async fn value(
        &self,
        head: Head,
        response: Response,
        id: &str,
        within: Deadline,
    ) -> Result<Value, Failure> {
        let failed = !head.status.is_success();
        let read = match &head.content {
            Ok(_) => self.http.body(response, within).await.map_err(Failure::from),
            Err(why) => Err(why.clone().into()),
        };
        let value = match (read, self.at.protocol) {
            (Ok(body), A2aProtocol::JsonRpc) => self.result(&body, id, Some(&head)),
            (Ok(body), A2aProtocol::HttpJson) => self.document(&body, &head),
            (Err(failure), _) => Err(failure),
        };
        match value {
            Ok(_) if failed => Err(Malformed::Envelope { why: "a result under an error status" }.into()),
            Err(Failure::Trouble(_)) if failed => Err(status_alone(&head)),
            other => other,
        }
    }

    fn result(&self, body: &[u8], id: &str, head: Option<&Head>) -> Result<Value, Failure> {
        match Envelope::read(body, id, self.limits())? {
            Envelope::Result(value) => Ok(value),
            Envelope::Error { code, message } => {
                let reason = match head {
                    Some(head) if head.is_busy() => Reason::Busy,
                    _ => Reason::of_code(code),
                };
                let message = told(&message, code);
                Err(Failure::Refused(Refusal {
                    reason,
                    message,
                    retry_after: head.and_then(|head| head.retry_after),
                }))
            }
        }
    }

    fn document(&self, body: &[u8], head: &Head) -> Result<Value, Failure> {
        let value = strict::read(body, self.limits())?;
        if head.status.is_success() {
            return Ok(value);
        }
        Err(self.refused(&value, Some(head)).unwrap_or_else(|| status_alone(head)))
    }

    /// The error of HTTP+JSON, where it is one of A2A's.
    fn refused(&self, value: &Value, head: Option<&Head>) -> Option<Failure> {
        let error = value.get("error")?.as_object()?;
        let reason = match head {
            Some(head) if head.is_busy() => Reason::Busy,
            _ => Reason::of_details(error)?,
        };
        let said = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let message = tame(said, self.limits().message);
        Some(Failure::Refused(Refusal {
            reason,
            message,
            retry_after: head.and_then(|head| head.retry_after),
        }))
    }
}

/// An error status without a word of A2A. A gateway says 500 whether or not it passed the request on.
fn status_alone(head: &Head) -> Failure {
    let status = head.status.as_u16();
    let reason = match (head.is_busy(), head.status.is_server_error()) {
        (true, _) => Reason::Busy,
        (false, true) => return Unknown::Status { status }.into(),
        (false, false) => Reason::of_status(status),
    };
    let message = format!("status {status} without a word of A2A");
    Failure::Refused(Refusal { reason, message, retry_after: head.retry_after })
}

fn told(message: &str, code: i64) -> String {
    if message.is_empty() { format!("error {code}") } else { message.to_owned() }
}
