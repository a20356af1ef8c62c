//! What we say to an agent: requests, in the dialect of the version and the form of the protocol binding.

use std::sync::Arc;
use std::time::Duration;

use concordat_model::agent::{A2aAnswers, A2aProtocol, A2aVersion};
use concordat_model::work::RemoteTask;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::push::Invitation;
use super::task::{Known, TaskId};
use crate::egress::Endpoint;
use crate::http::{NotSent, id_value};

/// Where and how an agent is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) endpoint: Endpoint,
    pub(crate) protocol: A2aProtocol,
    pub(crate) version: A2aVersion,
    pub(crate) tenant: Option<String>,
    pub(crate) answers: A2aAnswers,
}

/// One attempt of one step, to be said in one message.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) skill: String,
    /// The message's data part.
    pub(crate) params: Value,
    /// The same on every attempt of the step, and the message's id.
    pub(crate) idempotency_key: String,
    /// A name for this attempt alone, by which its task is found again.
    pub(crate) context: String,
    pub(crate) decision: String,
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) attempt: u32,
    pub(crate) log_size: u64,
    pub(crate) traceparent: String,
    /// The whole time, cancelling included.
    pub(crate) deadline: Duration,
    /// How the agent may call us when something has happened.
    pub(crate) push: Option<Arc<Invitation>>,
    /// What is said instead of the parameters to an agent that has the work and asked something.
    pub(crate) answer: Option<Answer>,
}

/// A person's answer to an agent's question.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) task: TaskId,
    /// The id of the agent's message that it answers.
    pub(super) to: Option<TaskId>,
    /// Text, or data.
    pub(super) says: Value,
}

impl Answer {
    /// The task as it was when it asked.
    pub(super) fn known(&self) -> Known<'_> {
        Known { task: &self.task, asked: self.to.as_ref() }
    }

    /// An answer to what was asked about a task, if the ids are such as an agent gave us.
    pub(crate) fn of(task: &RemoteTask, says: Value) -> Option<Answer> {
        let to = task.asked.as_deref().and_then(TaskId::parse);
        Some(Answer { task: TaskId::parse(&task.id)?, to, says })
    }
}

impl Order {
    /// What the message holds. Parameters are data, whatever they are; an answer may be text.
    fn says(&self) -> &Value {
        self.answer.as_ref().map_or(&self.params, |answer| &answer.says)
    }

    /// The message, with the task that it is about when the agent has one.
    fn about(&self, mut message: Value) -> Value {
        if let (Some(answer), Some(members)) = (&self.answer, message.as_object_mut()) {
            members.insert("taskId".to_owned(), json!(answer.task.as_str()));
        }
        message
    }
}

/// What is asked of an agent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    /// To do the work, and to answer when it is done or at once.
    Send {
        order: &'a Order,
        at_once: bool,
    },
    /// To do the work, and to tell what happens.
    Stream {
        order: &'a Order,
    },
    Get {
        task: &'a TaskId,
    },
    Cancel {
        task: &'a TaskId,
    },
    /// Which tasks belong to a context.
    List {
        context: &'a str,
    },
}

/// A request, ready to be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// More tasks than this in one context are not our doing.
const MOST_TASKS: u32 = 10;

impl Ask<'_> {
    /// The request for this, under the JSON-RPC id `id`.
    pub(super) fn request(self, at: &Interface, id: &str) -> Result<Request, NotSent> {
        let headers = self.headers(at)?;
        match at.protocol {
            A2aProtocol::JsonRpc => {
                let method = self.method_name(at.version);
                let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": self.params(at)});
                let (url, body) = (at.endpoint.url().clone(), body.to_string().into_bytes());
                Ok(Request { method: Method::POST, url, headers, body })
            }
            A2aProtocol::HttpJson => {
                let (method, url) = self.place(at);
                let body = match method {
                    Method::GET => Vec::new(),
                    _ => self.params(at).to_string().into_bytes(),
                };
                Ok(Request { method, url, headers, body })
            }
        }
    }

    /// Whether the answer is a stream of events.
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Ask::Stream { .. })
    }

    fn method_name(self, version: A2aVersion) -> &'static str {
        match (self, version) {
            (Ask::Send { .. }, A2aVersion::V1) => "SendMessage",
            (Ask::Stream { .. }, A2aVersion::V1) => "SendStreamingMessage",
            (Ask::Get { .. }, A2aVersion::V1) => "GetTask",
            (Ask::Cancel { .. }, A2aVersion::V1) => "CancelTask",
            (Ask::List { .. }, A2aVersion::V1) => "ListTasks",
            (Ask::Send { .. }, A2aVersion::V03) => "message/send",
            (Ask::Stream { .. }, A2aVersion::V03) => "message/stream",
            (Ask::Get { .. }, A2aVersion::V03) => "tasks/get",
            (Ask::Cancel { .. }, A2aVersion::V03) => "tasks/cancel",
            (Ask::List { .. }, A2aVersion::V03) => "tasks/list",
        }
    }

    fn params(self, at: &Interface) -> Value {
        let mut params = match (self, at.version) {
            (Ask::Send { order, at_once }, A2aVersion::V1) => send(order, at_once),
            (Ask::Stream { order }, A2aVersion::V1) => send(order, false),
            (Ask::Send { order, at_once }, A2aVersion::V03) => send_03(order, at_once),
            (Ask::Stream { order }, A2aVersion::V03) => send_03(order, false),
            (Ask::Get { task }, _) => json!({"id": task.as_str(), "historyLength": 0}),
            (Ask::Cancel { task }, _) => json!({"id": task.as_str()}),
            (Ask::List { context }, _) => {
                json!({"contextId": context, "pageSize": MOST_TASKS, "includeArtifacts": true, "historyLength": 0})
            }
        };
        if let (Some(tenant), Some(members)) = (&at.tenant, params.as_object_mut()) {
            members.insert("tenant".to_owned(), json!(tenant));
        }
        params
    }

    /// Where HTTP+JSON has this.
    fn place(self, at: &Interface) -> (Method, Url) {
        let mut url = at.endpoint.url().clone();
        // A URL with a host always has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&at.tenant);
            match self {
                Ask::Send { .. } => path.push("message:send"),
                Ask::Stream { .. } => path.push("message:stream"),
                Ask::Get { task } => path.push("tasks").push(task.as_str()),
                Ask::Cancel { task } => path.push("tasks").push(&format!("{}:cancel", task.as_str())),
                Ask::List { .. } => path.push("tasks"),
            };
        }
        if let Ask::List { context } = self {
            url.query_pairs_mut()
                .append_pair("contextId", context)
                .append_pair("pageSize", &MOST_TASKS.to_string())
                .append_pair("includeArtifacts", "true");
        }
        let method = match self {
            Ask::Get { .. } | Ask::List { .. } => Method::GET,
            Ask::Send { .. } | Ask::Stream { .. } | Ask::Cancel { .. } => Method::POST,
        };
        (method, url)
    }

    fn headers(self, at: &Interface) -> Result<HeaderMap, NotSent> {
        let accept = match (self.is_stream(), at.protocol) {
            (true, _) => "text/event-stream",
            (false, A2aProtocol::JsonRpc) => "application/json",
            (false, A2aProtocol::HttpJson) => "application/a2a+json",
        };
        let version = match at.version {
            A2aVersion::V1 => "1.0",
            A2aVersion::V03 => "0.3",
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Without it, an agent takes us for 0.3.
        headers.insert(HeaderName::from_static("a2a-version"), HeaderValue::from_static(version));
        if let Ask::Send { order, .. } | Ask::Stream { order } = self {
            let deadline = order.deadline.as_millis().to_string();
            for (name, value) in [
                ("concordat-decision", &order.decision),
                ("idempotency-key", &order.idempotency_key),
                ("concordat-deadline-ms", &deadline),
                ("concordat-run", &order.run),
                ("concordat-step", &order.step),
                ("concordat-attempt", &order.attempt.to_string()),
                ("concordat-log-size", &order.log_size.to_string()),
                ("traceparent", &order.traceparent),
            ] {
                headers.insert(HeaderName::from_static(name), id_value(name, value)?);
            }
        }
        Ok(headers)
    }
}

fn send(order: &Order, at_once: bool) -> Value {
    let part = match order.says() {
        Value::String(text) => json!({"text": text, "mediaType": "text/plain"}),
        data => json!({"data": data, "mediaType": "application/json"}),
    };
    let message = json!({
        "messageId": order.idempotency_key,
        "contextId": order.context,
        "role": "ROLE_USER",
        "parts": [part],
        "metadata": metadata(order),
    });
    let mut configuration = json!({"acceptedOutputModes": OUTPUT_MODES, "returnImmediately": at_once});
    if let (Some(push), Some(members)) = (&order.push, configuration.as_object_mut()) {
        members.insert("taskPushNotificationConfig".to_owned(), push.config());
    }
    json!({
        "message": order.about(message),
        "configuration": configuration,
    })
}

fn send_03(order: &Order, at_once: bool) -> Value {
    let part = match order.says() {
        Value::String(text) => json!({"kind": "text", "text": text}),
        data @ Value::Object(_) => json!({"kind": "data", "data": data}),
        // 0.3 knows nothing but objects as data.
        data => json!({"kind": "text", "text": data.to_string()}),
    };
    let message = json!({
        "kind": "message",
        "messageId": order.idempotency_key,
        "contextId": order.context,
        "role": "user",
        "parts": [part],
        "metadata": metadata(order),
    });
    json!({
        "message": order.about(message),
        "configuration": {"acceptedOutputModes": OUTPUT_MODES, "blocking": !at_once},
    })
}

const OUTPUT_MODES: [&str; 2] = ["application/json", "text/plain"];

/// A message has no place for the skill and for whose decision it is, so they stand in its metadata.
fn metadata(order: &Order) -> Value {
    json!({
        "concordat": {
            "skill": order.skill,
            "decision": order.decision,
            "idempotencyKey": order.idempotency_key,
            "run": order.run,
            "step": order.step,
            "attempt": order.attempt,
            "deadlineMs": u64::try_from(order.deadline.as_millis()).unwrap_or(u64::MAX),
            "logSize": order.log_size,
        },
    })
}
