//! What changes modules and data: each change is one record of the log, with what was sent as its payload.

use std::collections::BTreeMap;

use regorus::Value;
use serde::{Deserialize, Serialize};

use super::{Documents, MOST_MODULES, MOST_TEXT, Refused};

/// The longest id of a module, in bytes.
const LONGEST_ID: usize = 200;
/// The most parts of a path.
const LONGEST_PATH: usize = 64;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A module is written, or written anew.
    PolicyPut {
        /// Its id.
        id: String,
        /// Its text.
        text: String,
    },
    /// A module is taken away.
    PolicyRemoved {
        /// Its id.
        id: String,
    },
    /// All modules are replaced by these, or none.
    PoliciesReplaced {
        /// The texts by their ids.
        modules: BTreeMap<String, String>,
    },
    /// Data is written or taken away, all of it or nothing.
    DataChanged {
        /// What is done, in this order.
        operations: Vec<Operation>,
    },
}

/// One operation on the data document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub(super) op: Op,
    pub(super) path: Vec<String>,
    #[serde(default = "null", skip_serializing_if = "is_null")]
    pub(super) value: Value,
}

fn null() -> Value {
    Value::Null
}

fn is_null(value: &Value) -> bool {
    *value == Value::Null
}

/// What is done at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    /// Write, and make the objects on the way.
    Put,
    /// Write a member, or insert an item.
    Add,
    /// Write what is there anew.
    Replace,
    /// Take away what is there.
    Remove,
}

/// One operation as it is sent.
#[derive(Deserialize)]
struct Sent {
    op: String,
    path: String,
    #[serde(default = "null")]
    value: Value,
}

impl Change {
    /// Writes this JSON at a path.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn put(path: Vec<String>, json: &[u8]) -> Result<Change, Refused> {
        let value = super::input::json(json)?;
        Ok(Change::DataChanged { operations: vec![Operation { op: Op::Put, path, value }] })
    }

    /// Takes away what is at a path.
    #[must_use]
    pub fn delete(path: Vec<String>) -> Change {
        Change::DataChanged { operations: vec![Operation { op: Op::Remove, path, value: Value::Null }] }
    }

    /// A JSON Patch of what is at a path: `add`, `remove` and `replace`, as OPA has it.
    ///
    /// # Errors
    /// It is no such patch.
    pub fn patch(path: &[String], json: &[u8]) -> Result<Change, Refused> {
        let sent: Vec<Sent> =
            serde_json::from_slice(json).map_err(|error| Refused::Parameter(error.to_string()))?;
        let operations = sent.into_iter().map(|sent| {
            let op = match sent.op.as_str() {
                "add" => Op::Add,
                "remove" => Op::Remove,
                "replace" => Op::Replace,
                other => return Err(Refused::Parameter(format!("bad patch operation: {other}"))),
            };
            let inner = sent.path.trim_matches('/').split('/').filter(|part| !part.is_empty());
            let inner = inner.map(|part| part.replace("~1", "/").replace("~0", "~"));
            Ok(Operation { op, path: path.iter().cloned().chain(inner).collect(), value: sent.value })
        });
        Ok(Change::DataChanged { operations: operations.collect::<Result<_, _>>()? })
    }

    /// The change as the log keeps it.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Refused> {
        serde_json::to_vec(self).map_err(|error| Refused::Parameter(error.to_string()))
    }

    /// A change as the log keeps it.
    ///
    /// # Errors
    /// It is none.
    pub fn from_payload(payload: &[u8]) -> Result<Change, Refused> {
        serde_json::from_slice(payload).map_err(|error| Refused::Parameter(error.to_string()))
    }

    /// The type of its record.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            Change::PolicyPut { .. } => "opa.policy.put",
            Change::PolicyRemoved { .. } => "opa.policy.removed",
            Change::PoliciesReplaced { .. } => "opa.policies.replaced",
            Change::DataChanged { .. } => "opa.data.changed",
        }
    }

    /// Bounds, before anything is parsed.
    pub(super) fn check(&self, documents: &Documents) -> Result<(), Refused> {
        match self {
            Change::PolicyPut { id, text } => {
                let others = documents.modules().filter(|(other, _)| other != id);
                check_modules(others.chain([(id.as_str(), text.as_str())]))
            }
            Change::PolicyRemoved { .. } => Ok(()),
            Change::PoliciesReplaced { modules } => {
                check_modules(modules.iter().map(|(id, text)| (id.as_str(), text.as_str())))
            }
            Change::DataChanged { operations } => {
                let long = operations.iter().any(|operation| operation.path.len() > LONGEST_PATH);
                let message = || format!("a path has {LONGEST_PATH} parts at most");
                if long { Err(Refused::Parameter(message())) } else { Ok(()) }
            }
        }
    }
}

fn check_modules<'m>(modules: impl Iterator<Item = (&'m str, &'m str)>) -> Result<(), Refused> {
    let (mut count, mut bytes) = (0, 0);
    for (id, text) in modules {
        if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
            let message = format!("a policy id has 1 to {LONGEST_ID} bytes and no control characters");
            return Err(Refused::Parameter(message));
        }
        (count, bytes) = (count + 1, bytes + text.len());
    }
    if count > MOST_MODULES || bytes > MOST_TEXT {
        let message = format!("the most is {MOST_MODULES} policies and {MOST_TEXT} bytes in all");
        return Err(Refused::TooLarge(message));
    }
    Ok(())
}
