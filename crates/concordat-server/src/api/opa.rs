//! OPA's API on the wire, in OPA's own forms: existing clients read them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// An answer of the data and query API.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The decision's id.
    pub decision_id: String,
    /// What was asked for; absent when it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Times in nanoseconds, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<BTreeMap<String, u64>>,
    /// What answered, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// What the caller may want to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Failure>,
}

/// What answered.
#[derive(Debug, Serialize)]
pub struct Provenance {
    /// Our version.
    pub version: String,
    /// The modules and data that answered.
    pub bundles: BTreeMap<String, Bundle>,
}

/// Modules and data of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The revision.
    pub revision: String,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// The words.
    pub message: String,
    /// The mistakes, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Value>,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Its text.
    pub raw: String,
}

/// Modules that replace all others, together or not at all: our own addition to OPA's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// The texts by their ids.
    pub modules: BTreeMap<String, String>,
}

/// A thing under `result`.
#[derive(Debug, Serialize)]
pub struct Wrapped<T> {
    /// The thing.
    pub result: T,
}

/// A decision in the form of OPA's decision log.
#[derive(Debug, Serialize)]
pub struct LogEvent {
    /// What wrote it.
    pub labels: BTreeMap<String, String>,
    /// The decision's id.
    pub decision_id: String,
    /// The modules and data that it was made with.
    pub bundles: BTreeMap<String, Bundle>,
    /// The path that was asked for.
    pub path: String,
    /// The query that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The input, without what was masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Box<RawValue>>,
    /// The result, without what was masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// What was taken away before it was logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// What was overwritten before it was logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Who asked.
    pub requested_by: String,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Times in nanoseconds.
    pub metrics: BTreeMap<String, u64>,
    /// Its place in Concordat's log.
    pub index: u64,
}
