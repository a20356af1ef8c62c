//! The log on the wire.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RecordsQuery {
    /// Only records at or after this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The most items, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Only records of this type, such as `gate.decided`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// Only records of this subject, such as a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Records in the order of the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordList {
    /// The records.
    pub items: Vec<LogEntry>,
    /// The `from` of the next page; null when nothing came after these yet.
    pub next_from: Option<u64>,
}

/// A record and its place in the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// Its index.
    pub index: u64,
    /// The hash of its leaf: 44 characters of base64.
    pub leaf: String,
    /// The record: its canonical bytes, untouched, so that hashing them gives the leaf.
    #[schema(value_type = Object)]
    pub record: Box<RawValue>,
}
