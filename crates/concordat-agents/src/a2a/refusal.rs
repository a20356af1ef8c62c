//! What an agent's error means, whichever way it was said: a JSON-RPC code, or a reason under an HTTP status.

use std::time::Duration;

use serde_json::{Map, Value};

/// Why there is no answer to a request.
pub(super) type Failure = crate::http::Failure<Refusal>;

/// An agent's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// What the agent said, tamed.
    pub(super) message: String,
    /// How long the agent asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// The errors of A2A, and those of JSON-RPC and HTTP beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    TaskNotFound,
    TaskNotCancelable,
    PushNotSupported,
    Unsupported,
    ContentType,
    InvalidAgentResponse,
    NoExtendedCard,
    ExtensionRequired,
    Version,
    NoSuchMethod,
    /// The agent does not understand the request, or its parameters.
    BadRequest,
    Internal,
    /// The agent wants to know who asks, or does not allow it.
    Credentials,
    Busy,
    Other,
}

impl Reason {
    /// What a code of JSON-RPC says.
    pub(super) fn of_code(code: i64) -> Reason {
        match code {
            -32001 => Reason::TaskNotFound,
            -32002 => Reason::TaskNotCancelable,
            -32003 => Reason::PushNotSupported,
            -32004 => Reason::Unsupported,
            -32005 => Reason::ContentType,
            -32006 => Reason::InvalidAgentResponse,
            -32007 => Reason::NoExtendedCard,
            -32008 => Reason::ExtensionRequired,
            -32009 => Reason::Version,
            -32700 | -32600 | -32602 => Reason::BadRequest,
            -32601 => Reason::NoSuchMethod,
            -32603 => Reason::Internal,
            _ => Reason::Other,
        }
    }

    /// What the error of HTTP+JSON says: the reason of its `ErrorInfo`. `None` when it has none of A2A's.
    pub(super) fn of_details(error: &Map<String, Value>) -> Option<Reason> {
        let details = error.get("details")?.as_array()?;
        let a2a = |detail: &&Value| detail.get("domain").and_then(Value::as_str) == Some("a2a-protocol.org");
        let reason = details.iter().find(a2a)?.get("reason")?.as_str()?;
        Some(match reason {
            "TASK_NOT_FOUND" => Reason::TaskNotFound,
            "TASK_NOT_CANCELABLE" => Reason::TaskNotCancelable,
            "PUSH_NOTIFICATION_NOT_SUPPORTED" => Reason::PushNotSupported,
            "UNSUPPORTED_OPERATION" => Reason::Unsupported,
            "CONTENT_TYPE_NOT_SUPPORTED" => Reason::ContentType,
            "INVALID_AGENT_RESPONSE" => Reason::InvalidAgentResponse,
            "EXTENDED_AGENT_CARD_NOT_CONFIGURED" => Reason::NoExtendedCard,
            "EXTENSION_SUPPORT_REQUIRED" => Reason::ExtensionRequired,
            "VERSION_NOT_SUPPORTED" => Reason::Version,
            "METHOD_NOT_FOUND" => Reason::NoSuchMethod,
            "INVALID_PARAMS" | "INVALID_REQUEST" | "PARSE_ERROR" => Reason::BadRequest,
            "INTERNAL_ERROR" => Reason::Internal,
            _ => Reason::Other,
        })
    }

    /// What an HTTP status below 500 says by itself.
    pub(super) fn of_status(status: u16) -> Reason {
        match status {
            401 | 403 | 407 => Reason::Credentials,
            404 | 405 | 501 => Reason::NoSuchMethod,
            400 | 413 | 422 => Reason::BadRequest,
            415 => Reason::ContentType,
            _ => Reason::Other,
        }
    }
}
