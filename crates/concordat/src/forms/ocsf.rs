//! The Open Cybersecurity Schema Framework 1.3, class API Activity (6003). <https://schema.ocsf.io>

use serde_json::{Value, json};

use super::{Leaf, Weight};

/// The class, and its number times 100, to which the activity is added.
const CLASS: u32 = 6003;

pub(super) fn event(leaf: &Leaf<'_>) -> Value {
    let record = leaf.record;
    let activity = activity(record.kind());
    let (severity, status) = match (leaf.weight(), leaf.answer()) {
        (Weight::Plain, _) => (1, 1),
        (Weight::Odd, Some("review")) => (3, 0),
        (Weight::Odd, _) => (3, 2),
    };
    json!({
        "category_uid": 6,
        "class_uid": CLASS,
        "activity_id": activity,
        "type_uid": CLASS * 100 + activity,
        "severity_id": severity,
        "status_id": status,
        "status_detail": leaf.codes().join(", "),
        "time": leaf.at.as_millisecond(),
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "Concordat", "vendor_name": "Concordat", "version": env!("CARGO_PKG_VERSION")},
            "uid": record.id(),
            "log_name": record.source(),
            "sequence": leaf.index,
            "original_time": record.time(),
        },
        "actor": actor(leaf),
        "api": {"operation": record.kind(), "service": {"name": "concordat"}},
        "src_endpoint": {"name": record.source()},
        "resources": [{"uid": record.subject()}],
        "unmapped": {"leaf": record.leaf().to_string(), "subjectseq": record.subject_seq().get(), "data": leaf.data},
    })
}

/// Where the record names nobody, the program that wrote it.
fn actor(leaf: &Leaf<'_>) -> Value {
    match leaf.actor() {
        Some(name) => json!({"user": {"name": name}}),
        None => json!({"process": {"name": "concordat"}}),
    }
}

/// Create, read, update, delete, or another activity.
fn activity(kind: &str) -> u32 {
    match kind.rsplit_once('.').map_or("", |(_, what)| what) {
        "registered" | "created" | "received" | "published" | "installed" | "applied" => 1,
        "read" | "exported" => 2,
        "changed" | "promoted" | "rolled_back" | "withdrawn" | "suspended" | "restored" | "extended" => 3,
        "removed" | "revoked" => 4,
        _ => 99,
    }
}
