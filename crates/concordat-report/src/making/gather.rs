//! What else the records name: policies by digest, and payloads.

use std::collections::BTreeSet;

use concordat_model::digest::Digest;
use serde_json::Value;

use crate::entry::Entry;
use crate::pack::{Measure, Measured, hex};

/// What was gathered on the way through the records.
#[derive(Debug)]
pub(super) struct Gathered {
    measure: Measure,
    policies: BTreeSet<Digest>,
    payloads: Option<BTreeSet<Digest>>,
}

impl Gathered {
    pub(super) fn new(payloads: bool) -> Gathered {
        Gathered {
            measure: Measure::default(),
            policies: BTreeSet::new(),
            payloads: payloads.then(BTreeSet::new),
        }
    }

    /// How long the records are as lines.
    pub(super) fn records(&self) -> Measured {
        self.measure.clone().done()
    }

    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        self.measure.add(entry.record.bytes());
        self.measure.add(b"\n");
        let pointers: &[&str] = match entry.record.kind() {
            "gate.decided" => &["/decision/provenance/policy", "/decision/compared/policy"],
            kind if kind.starts_with("policy.") => &["/revision", "/to"],
            "log.started" => &["/policy"],
            _ => &[],
        };
        let named = pointers.iter().filter_map(|pointer| entry.text(pointer)?.parse::<Digest>().ok());
        self.policies.extend(named);
        if let Some(payloads) = &mut self.payloads {
            digests(&entry.data, payloads);
        }
    }

    /// Every digest that the records name and whose content the pack has, if it is stored.
    pub(super) fn named(&self) -> impl Iterator<Item = &Digest> {
        let payloads = self.payloads.iter().flatten().filter(|digest| !self.policies.contains(digest));
        self.policies.iter().chain(payloads)
    }

    /// Where the content of a digest stands in the pack.
    pub(super) fn path(&self, digest: &Digest) -> String {
        let name = hex(digest.bytes());
        if self.policies.contains(digest) {
            format!("policies/{name}.json")
        } else {
            format!("payloads/{name}")
        }
    }

    /// The digest whose content stands there.
    pub(super) fn digest_of(&self, path: &str) -> Option<Digest> {
        let (_, name) = path.split_once('/')?;
        let digits = name.strip_suffix(".json").unwrap_or(name);
        format!("sha256:{digits}").parse().ok()
    }
}

/// Every digest in the data. A digest that names no payload is not stored under it, and so is left out later.
fn digests(value: &Value, found: &mut BTreeSet<Digest>) {
    match value {
        Value::String(text) => {
            if let Some(digest) = text.starts_with("sha256:").then(|| text.parse().ok()).flatten() {
                found.insert(digest);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| digests(item, found)),
        Value::Object(members) => members.values().for_each(|member| digests(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
