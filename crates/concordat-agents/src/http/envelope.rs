//! The envelope of JSON-RPC 2.0: one response, to our request, with a result or an error.

use serde_json::{Map, Value};

use super::limits::Limits;
use super::saying::tame;
use super::strict;
use super::trouble::Malformed;

/// A JSON-RPC 2.0 response to our request.
#[derive(Debug)]
pub(crate) enum Envelope {
    Result(Value),
    Error { code: i64, message: String },
}

impl Envelope {
    pub(crate) fn read(body: &[u8], id: &str, limits: &Limits) -> Result<Envelope, Malformed> {
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
