//! One request: what is asked, of whom, and under which decision.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use crate::egress::Endpoint;
use crate::http::{NotSent, id_value};

/// One attempt of one step, addressed to one agent.
#[derive(Debug, Clone)]
pub struct Call {
    /// The agent's base address; `/execute` is added.
    pub endpoint: Endpoint,
    /// The skill.
    pub method: String,
    /// The skill's parameters.
    pub params: Value,
    /// The JSON-RPC id, which the reply must repeat.
    pub id: String,
    /// The decision that permitted this call, as `Concordat-Decision`.
    pub decision_id: String,
    /// The same on every attempt of the step, as `Idempotency-Key`.
    pub idempotency_key: String,
    /// The whole time from now until the reply is read, told to the agent as `Concordat-Deadline-Ms`.
    pub deadline: Duration,
    /// How long the reply may take to begin; without it, as long as the call may take.
    pub first_byte: Option<Duration>,
    /// The W3C trace context, as `traceparent`.
    pub traceparent: Option<String>,
    /// The log's size at which the decision was durable, as `Concordat-Log-Size`.
    pub log_size: Option<u64>,
    /// The attempt, from 1, as `Concordat-Attempt`.
    pub attempt: u32,
    /// The run, as `Concordat-Run`.
    pub run: String,
    /// The step, as `Concordat-Step`.
    pub step: String,
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a Value,
    id: &'a str,
}

impl Call {
    /// The bytes of the request's body: always the same for the same call, so that a digest of them can stand in
    /// the log before they are sent.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let request = Request { jsonrpc: "2.0", method: &self.method, params: &self.params, id: &self.id };
        // Strings and a `Value` always serialise: its keys are strings and it holds no other types.
        serde_json::to_vec(&request).unwrap_or_default()
    }

    /// The headers that tell the agent who asks, under which decision, and how long it has.
    pub(super) fn headers(&self) -> Result<HeaderMap, NotSent> {
        let deadline = self.deadline.as_millis().to_string();
        let attempt = self.attempt.to_string();
        let log_size = self.log_size.map(|size| size.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in [
            ("concordat-decision", Some(&self.decision_id)),
            ("idempotency-key", Some(&self.idempotency_key)),
            ("concordat-deadline-ms", Some(&deadline)),
            ("concordat-run", Some(&self.run)),
            ("concordat-step", Some(&self.step)),
            ("concordat-attempt", Some(&attempt)),
            ("concordat-log-size", log_size.as_ref()),
            ("traceparent", self.traceparent.as_ref()),
        ] {
            let Some(value) = value else { continue };
            headers.insert(HeaderName::from_static(name), id_value(name, value)?);
        }
        Ok(headers)
    }
}
