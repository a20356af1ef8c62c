//! OpenTelemetry's logs as OTLP's JSON, as `/v1/logs` of a collector takes them.

use serde_json::{Value, json};

use super::{Leaf, Weight};

pub(super) fn logs(leaves: &[Leaf<'_>]) -> Value {
    let records: Vec<Value> = leaves.iter().map(log).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", "concordat")]},
        "scopeLogs": [{
            "scope": {"name": "concordat.log", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": records,
        }],
    }]})
}

fn log(leaf: &Leaf<'_>) -> Value {
    let record = leaf.record;
    let (number, severity) = match leaf.weight() {
        Weight::Plain => (9, "INFO"),
        Weight::Odd => (13, "WARN"),
    };
    let mut attributes = vec![
        text("concordat.record.id", record.id()),
        text("concordat.record.index", &leaf.index.to_string()),
        text("concordat.record.leaf", &record.leaf().to_string()),
        text("concordat.subject", record.subject()),
    ];
    attributes.extend(leaf.actor().map(|actor| text("user.name", actor)));
    attributes.extend(leaf.answer().map(|answer| text("concordat.decision.answer", answer)));
    let codes = leaf.codes().join(",");
    attributes.extend((!codes.is_empty()).then(|| text("concordat.decision.reasons", &codes)));
    json!({
        "timeUnixNano": leaf.at.as_nanosecond().to_string(),
        "severityNumber": number,
        "severityText": severity,
        "eventName": record.kind(),
        "body": {"stringValue": leaf.text()},
        "attributes": attributes,
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
