//! What we say to a server: four methods and two notices, in the form of its revision.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::http::{NotSent, id_value};

/// The revision that needs no handshake.
pub(super) const STATELESS: &str = "2026-07-28";
/// The revisions with a handshake, the newest first.
pub(super) const WITH_SESSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// One attempt of one step, to be carried out as one call of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The tool.
    pub(crate) skill: String,
    /// Its arguments.
    pub(crate) params: Map<String, Value>,
    /// The same on every attempt of the step.
    pub(crate) idempotency_key: String,
    pub(crate) decision: String,
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) attempt: u32,
    pub(crate) log_size: u64,
    pub(crate) traceparent: String,
    /// The whole time, handshake and tidying up included.
    pub(crate) deadline: Duration,
}

/// How a server is spoken to.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    /// Each request says everything by itself.
    Stateless,
    /// A handshake came first.
    Session {
        /// The revision that was agreed, from [`WITH_SESSIONS`].
        version: &'static str,
        /// The server's name for the session, if it keeps one.
        id: Option<HeaderValue>,
    },
}

/// What is asked of a server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    /// Which revisions it speaks.
    Discover,
    /// To begin a session.
    Initialize,
    /// Which tools it has.
    Tools { cursor: Option<&'a str> },
    /// To do the work.
    Call { order: &'a Order },
}

/// What is told to a server, without an answer. Only those with sessions are told anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Notice<'a> {
    /// The handshake is over.
    Initialized,
    /// Nobody waits any longer for the answer to the request of this id.
    Cancelled { id: &'a str },
}

impl Ask<'_> {
    pub(super) fn method(self) -> &'static str {
        match self {
            Ask::Discover => "server/discover",
            Ask::Initialize => "initialize",
            Ask::Tools { .. } => "tools/list",
            Ask::Call { .. } => "tools/call",
        }
    }

    /// The request's body, under the JSON-RPC id `id`.
    pub(super) fn body(self, manner: &Manner, id: &str) -> Vec<u8> {
        let params = self.params(manner);
        json!({"jsonrpc": "2.0", "id": id, "method": self.method(), "params": params})
            .to_string()
            .into_bytes()
    }

    fn params(self, manner: &Manner) -> Value {
        let mut params = match self {
            Ask::Discover | Ask::Tools { cursor: None } => json!({}),
            Ask::Initialize => {
                return json!({"protocolVersion": WITH_SESSIONS[0], "capabilities": {}, "clientInfo": client()});
            }
            Ask::Tools { cursor: Some(cursor) } => json!({"cursor": cursor}),
            Ask::Call { order } => json!({"name": order.skill, "arguments": order.params}),
        };
        let mut meta = Map::new();
        if matches!(manner, Manner::Stateless) {
            meta.insert("io.modelcontextprotocol/protocolVersion".to_owned(), json!(STATELESS));
            meta.insert("io.modelcontextprotocol/clientInfo".to_owned(), client());
            meta.insert("io.modelcontextprotocol/clientCapabilities".to_owned(), json!({}));
        }
        if let Ask::Call { order } = self {
            meta.extend(about(order));
        }
        if let (false, Some(members)) = (meta.is_empty(), params.as_object_mut()) {
            members.insert("_meta".to_owned(), Value::Object(meta));
        }
        params
    }

    pub(super) fn headers(self, manner: &Manner) -> Result<HeaderMap, NotSent> {
        let mut headers = headers(manner);
        if matches!(self, Ask::Initialize) {
            headers.remove(VERSION);
        }
        if matches!(manner, Manner::Stateless) {
            headers.insert(HeaderName::from_static("mcp-method"), HeaderValue::from_static(self.method()));
        }
        let Ask::Call { order } = self else { return Ok(headers) };
        if matches!(manner, Manner::Stateless) {
            headers.insert(HeaderName::from_static("mcp-name"), id_value("mcp-name", &order.skill)?);
        }
        for (name, value) in [
            ("concordat-decision", &order.decision),
            ("idempotency-key", &order.idempotency_key),
            ("concordat-deadline-ms", &order.deadline.as_millis().to_string()),
            ("concordat-run", &order.run),
            ("concordat-step", &order.step),
            ("concordat-attempt", &order.attempt.to_string()),
            ("concordat-log-size", &order.log_size.to_string()),
            ("traceparent", &order.traceparent),
        ] {
            headers.insert(HeaderName::from_static(name), id_value(name, value)?);
        }
        Ok(headers)
    }
}

impl Notice<'_> {
    pub(super) fn body(self) -> Vec<u8> {
        let (method, params) = match self {
            Notice::Initialized => ("notifications/initialized", json!({})),
            Notice::Cancelled { id } => {
                ("notifications/cancelled", json!({"requestId": id, "reason": "nobody waits any longer"}))
            }
        };
        json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string().into_bytes()
    }
}

const VERSION: &str = "mcp-protocol-version";
/// The header by which a server names a session.
pub(super) const SESSION: &str = "mcp-session-id";

/// The headers that every request has.
pub(super) fn headers(manner: &Manner) -> HeaderMap {
    let (version, session) = match manner {
        Manner::Stateless => (STATELESS, None),
        Manner::Session { version, id } => (*version, id.clone()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(HeaderName::from_static(VERSION), HeaderValue::from_static(version));
    if let Some(session) = session {
        headers.insert(HeaderName::from_static(SESSION), session);
    }
    headers
}

fn client() -> Value {
    json!({"name": "concordat", "version": env!("CARGO_PKG_VERSION")})
}

/// Whose decision the call is, under names of our own.
fn about(order: &Order) -> Vec<(String, Value)> {
    [
        ("decision", json!(order.decision)),
        ("idempotencyKey", json!(order.idempotency_key)),
        ("run", json!(order.run)),
        ("step", json!(order.step)),
        ("attempt", json!(order.attempt)),
        ("deadlineMs", json!(u64::try_from(order.deadline.as_millis()).unwrap_or(u64::MAX))),
        ("logSize", json!(order.log_size)),
    ]
    .map(|(name, value)| (format!("concordat/{name}"), value))
    .into()
}
