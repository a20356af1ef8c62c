//! One request as it came: the headers that name it and the JSON-RPC call inside.

use axum::http::HeaderMap;
use concordat_model::digest::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

/// A request to `/execute`.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) run: String,
    pub(super) step: String,
    pub(super) attempt: String,
    pub(super) idempotency_key: String,
    pub(super) decision_id: String,
    pub(super) log_size: String,
    pub(super) body_sha256: String,
    /// The call, or the JSON-RPC error that answers what came instead.
    pub(super) call: Result<Call, Value>,
}

/// The JSON-RPC call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    jsonrpc: String,
    pub(super) method: String,
    #[serde(default)]
    pub(super) params: Value,
    id: Value,
}

impl Request {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Request {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Request {
            run: header("concordat-run"),
            step: header("concordat-step"),
            attempt: header("concordat-attempt"),
            idempotency_key: header("idempotency-key"),
            decision_id: header("concordat-decision"),
            log_size: header("concordat-log-size"),
            body_sha256: Digest::of(body).to_string(),
            call: Call::read(body),
        }
    }
}

impl Call {
    fn read(body: &[u8]) -> Result<Call, Value> {
        let document: Value =
            serde_json::from_slice(body).map_err(|_| refusal(&Value::Null, -32700, "this is not JSON"))?;
        match serde_json::from_value::<Call>(document) {
            Ok(call) if call.jsonrpc == "2.0" => Ok(call),
            _ => Err(refusal(&Value::Null, -32600, "this is not a JSON-RPC 2.0 request")),
        }
    }

    /// What the work depends on: two requests with one key must agree in it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(json!([self.method, self.params]).to_string().as_bytes())
    }

    pub(super) fn result(&self, result: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": self.id, "result": result})
    }

    pub(super) fn refusal(&self, code: i64, message: &str) -> Value {
        refusal(&self.id, code, message)
    }
}

fn refusal(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}
