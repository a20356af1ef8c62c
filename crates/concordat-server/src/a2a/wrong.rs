//! Every way in which A2A says no: one error, told in the form of either binding.
//!
//! What the engine refuses keeps its code and its words; they stand beside the protocol's own code in the details.

use axum::Json;
use axum::response::{IntoResponse, Response};
use concordat_engine::EngineError;
use concordat_engine::ports::StoreError;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::api::problem::Problem;
use crate::refusal::Refusal;

/// Whose reasons those of the protocol's own errors are.
const PROTOCOL: &str = "a2a-protocol.org";
/// Whose reasons the others are.
const HOUSE: &str = "concordat";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// Why a call is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    /// The body is no JSON.
    #[error("the body is not valid JSON: {0}")]
    Parse(String),
    /// The body is no request of JSON-RPC 2.0.
    #[error("{0}")]
    Request(String),
    /// There is no such method.
    #[error("there is no method `{0}` in A2A 1.0: such as `SendMessage` or `GetTask`")]
    Method(String),
    /// What was sent does not make sense.
    #[error("{0}")]
    Params(String),
    /// There is no such task, or the caller may not know of it.
    #[error("there is no task `{0}`")]
    Task(String),
    /// The task cannot be cancelled any more.
    #[error("{0}")]
    NotCancelable(String),
    /// The task cannot do this.
    #[error("{0}")]
    Unsupported(String),
    /// The message holds what this server does not read.
    #[error("{0}")]
    Content(String),
    /// The caller speaks another version.
    #[error("this server speaks A2A 1.0, not `{0}`: send the header `A2A-Version: 1.0`")]
    Version(String),
    /// What the API refuses over `/v1`, too.
    #[error("{0}")]
    Refused(Refusal),
    /// What is no call of the protocol: it has no place here, or nobody knows who asks.
    #[error("{0}")]
    NoCall(Refusal),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Wrong {
        match refusal {
            Refusal::NotFound { id, .. } | Refusal::Engine(EngineError::NotFound { id, .. }) => {
                Wrong::Task(id)
            }
            other => Wrong::Refused(other),
        }
    }
}

impl From<EngineError> for Wrong {
    fn from(error: EngineError) -> Wrong {
        Refusal::from(error).into()
    }
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Wrong {
        Refusal::from(error).into()
    }
}

/// How both bindings call one kind of error.
struct Kind {
    code: i32,
    http: StatusCode,
    status: &'static str,
    reason: &'static str,
}

const fn kind(code: i32, http: StatusCode, status: &'static str, reason: &'static str) -> Kind {
    Kind { code, http, status, reason }
}

impl Wrong {
    fn kind(&self) -> Kind {
        use StatusCode as S;
        match self {
            Wrong::Parse(_) => kind(-32700, S::BAD_REQUEST, "INVALID_ARGUMENT", "PARSE_ERROR"),
            Wrong::Request(_) => kind(-32600, S::BAD_REQUEST, "INVALID_ARGUMENT", "INVALID_REQUEST"),
            Wrong::Method(_) => kind(-32601, S::NOT_FOUND, "NOT_FOUND", "METHOD_NOT_FOUND"),
            Wrong::Params(_) => kind(-32602, S::BAD_REQUEST, "INVALID_ARGUMENT", "INVALID_PARAMS"),
            Wrong::Task(_) => kind(-32001, S::NOT_FOUND, "NOT_FOUND", "TASK_NOT_FOUND"),
            Wrong::NotCancelable(_) => {
                kind(-32002, S::CONFLICT, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE")
            }
            Wrong::Unsupported(_) => kind(-32004, S::BAD_REQUEST, "UNIMPLEMENTED", "UNSUPPORTED_OPERATION"),
            Wrong::Content(_) => {
                kind(-32005, S::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED")
            }
            Wrong::Version(_) => kind(-32009, S::BAD_REQUEST, "UNIMPLEMENTED", "VERSION_NOT_SUPPORTED"),
            Wrong::Refused(refusal) => refused(&refusal.problem()),
            Wrong::NoCall(refusal) => no_call(&refusal.problem()),
        }
    }

    /// The answer over JSON-RPC. What only this call is refused has the status 200, as the protocol wants it; what
    /// would hit every call now is told by its status, too.
    pub(super) fn over_rpc(self, id: &Value) -> Response {
        let kind = self.kind();
        let form = |problem: Option<&Problem>, message: String| {
            json!({
                "jsonrpc": "2.0", "id": id,
                "error": {"code": kind.code, "message": message, "data": details(&kind, problem)},
            })
        };
        match self {
            Wrong::Refused(refusal) | Wrong::NoCall(refusal) => {
                let mut response =
                    refusal.told("application/json", |problem| form(Some(&problem), problem.detail.clone()));
                let passing =
                    response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS;
                if !passing {
                    *response.status_mut() = StatusCode::OK;
                }
                response
            }
            other => Json(form(None, other.to_string())).into_response(),
        }
    }

    fn over_http(self) -> Response {
        let kind = self.kind();
        let form = |problem: Option<&Problem>, message: String| {
            json!({"error": {
                "code": kind.http.as_u16(), "status": kind.status, "message": message,
                "details": details(&kind, problem),
            }})
        };
        let mut response = match self {
            Wrong::Refused(refusal) | Wrong::NoCall(refusal) => {
                refusal.told("application/json", |problem| form(Some(&problem), problem.detail.clone()))
            }
            other => Json(form(None, other.to_string())).into_response(),
        };
        *response.status_mut() = kind.http;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// The answer over HTTP+JSON.
impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        self.over_http()
    }
}

/// How the protocol calls what the API refuses.
fn refused(problem: &Problem) -> Kind {
    use StatusCode as S;
    let http = S::from_u16(problem.status).unwrap_or(S::INTERNAL_SERVER_ERROR);
    match http {
        S::FORBIDDEN => kind(-32000, http, "PERMISSION_DENIED", "POLICY_FORBIDDEN"),
        S::PAYLOAD_TOO_LARGE | S::REQUEST_TIMEOUT => {
            kind(-32600, http, "INVALID_ARGUMENT", "INVALID_REQUEST")
        }
        S::TOO_MANY_REQUESTS => kind(-32603, http, "RESOURCE_EXHAUSTED", "INTERNAL_ERROR"),
        S::SERVICE_UNAVAILABLE => kind(-32603, http, "UNAVAILABLE", "INTERNAL_ERROR"),
        other if other.is_server_error() => kind(-32603, other, "INTERNAL", "INTERNAL_ERROR"),
        _ => kind(-32602, S::BAD_REQUEST, "INVALID_ARGUMENT", "INVALID_PARAMS"),
    }
}

/// How is called what never became a call.
fn no_call(problem: &Problem) -> Kind {
    use StatusCode as S;
    let http = S::from_u16(problem.status).unwrap_or(S::INTERNAL_SERVER_ERROR);
    match http {
        S::UNAUTHORIZED => kind(-32600, http, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        S::FORBIDDEN => kind(-32600, http, "PERMISSION_DENIED", "CROSS_SITE"),
        S::NOT_FOUND => kind(-32601, http, "NOT_FOUND", "METHOD_NOT_FOUND"),
        S::METHOD_NOT_ALLOWED => kind(-32601, http, "UNIMPLEMENTED", "METHOD_NOT_FOUND"),
        other if other.is_server_error() => kind(-32603, other, "INTERNAL", "INTERNAL_ERROR"),
        other => kind(-32600, other, "INVALID_ARGUMENT", "INVALID_REQUEST"),
    }
}

fn details(kind: &Kind, problem: Option<&Problem>) -> Value {
    let mut metadata = Map::new();
    let ours = ["POLICY_FORBIDDEN", "UNAUTHENTICATED", "CROSS_SITE"].contains(&kind.reason);
    let domain = if ours { HOUSE } else { PROTOCOL };
    let Some(problem) = problem else {
        return json!([{"@type": ERROR_INFO, "reason": kind.reason, "domain": domain, "metadata": metadata}]);
    };
    metadata.insert("code".to_owned(), json!(problem.code));
    metadata.insert("retryable".to_owned(), json!(problem.retryable.to_string()));
    if let Some(decision) = &problem.decision_id {
        metadata.insert("decision".to_owned(), json!(decision));
    }
    let codes: Vec<&str> = problem.reasons.iter().map(|reason| reason.code.as_str()).collect();
    if !codes.is_empty() {
        metadata.insert("reasons".to_owned(), json!(codes.join(",")));
    }
    let mut all =
        vec![json!({"@type": ERROR_INFO, "reason": kind.reason, "domain": domain, "metadata": metadata})];
    if !problem.errors.is_empty() {
        let violations = problem
            .errors
            .iter()
            .map(|fault| json!({"field": fault.pointer, "description": fault.message, "reason": fault.code}));
        all.push(json!({"@type": BAD_REQUEST, "fieldViolations": violations.collect::<Vec<_>>()}));
    }
    Value::Array(all)
}
