//! ArcSight's Common Event Format, revision 25: a line for syslog, with seven fields and then pairs.

use super::{Leaf, Weight};

pub(super) fn event(leaf: &Leaf<'_>) -> String {
    let record = leaf.record;
    let severity = if leaf.weight() == Weight::Odd { 6 } else { 3 };
    let (version, kind) = (env!("CARGO_PKG_VERSION"), header(record.kind()));
    let text = leaf.text();
    let index = leaf.index.to_string();
    let millis = leaf.at.as_millisecond().to_string();
    let (codes, leaf_hash) = (leaf.codes().join(","), record.leaf().to_string());
    let pairs = [
        ("rt", Some(millis.as_str())),
        ("externalId", Some(record.id())),
        ("dvchost", Some(record.source())),
        ("suser", leaf.actor()),
        ("outcome", leaf.answer()),
        ("reason", Some(codes.as_str()).filter(|codes| !codes.is_empty())),
        ("cn1Label", Some("index")),
        ("cn1", Some(index.as_str())),
        ("cs1Label", Some("subject")),
        ("cs1", Some(record.subject())),
        ("cs2Label", Some("leaf")),
        ("cs2", Some(leaf_hash.as_str())),
        ("msg", Some(&*text)),
    ];
    let pairs: Vec<String> =
        pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", pair(value?)))).collect();
    format!("CEF:0|Concordat|Concordat|{version}|{kind}|{kind}|{severity}|{}", pairs.join(" "))
}

/// In the fields a bar would begin the next one.
fn header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

/// In the pairs an equals sign would begin the next one, and a line end the next event.
fn pair(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=").replace('\n', "\\n").replace('\r', "\\r")
}
