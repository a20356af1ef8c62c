//! The log itself: nothing missing, nothing changed, and always the same log.

use std::collections::{BTreeMap, BTreeSet};

use concordat_ledger::{Checkpoint, Frontier, Record};
use concordat_model::digest::Digest;

use super::{Export, Found, Rule};

/// Hashes everything again, and compares it with what was signed.
pub(super) fn check(log: &Export, found: &mut Found) {
    let mut shown: BTreeMap<u64, Vec<Checkpoint>> = BTreeMap::new();
    for note in &log.checkpoints {
        match Checkpoint::open(note.as_bytes(), std::slice::from_ref(&log.key)) {
            Ok(checkpoint) => shown.entry(checkpoint.size()).or_default().push(checkpoint),
            Err(error) => found.must(Rule::Log, false, || format!("a checkpoint is not signed: {error}")),
        }
    }
    let mut tree = Frontier::new();
    let mut ids = BTreeSet::new();
    let mut subjects: BTreeMap<String, u64> = BTreeMap::new();
    for (place, exported) in (0u64..).zip(&log.records) {
        found.must(Rule::Log, exported.index == place, || {
            format!("the record at {place} says that it stands at {}", exported.index)
        });
        let record = match Record::read(&exported.bytes) {
            Ok(record) => record,
            Err(error) => {
                found.must(Rule::Log, false, || format!("the record at {place} cannot be read: {error}"));
                continue;
            }
        };
        found.must(Rule::Unique, ids.insert(record.id().to_owned()), || {
            format!("the id {} stands in the log twice", record.id())
        });
        let next = subjects.entry(record.subject().to_owned()).or_default();
        found.must(Rule::Log, record.subject_seq().get() == *next, || {
            format!("{place} is number {} of {}, not {next}", record.subject_seq().get(), record.subject())
        });
        *next = record.subject_seq().get() + 1;
        tree.append(record.leaf());
        for checkpoint in shown.remove(&tree.size()).unwrap_or_default() {
            found.must(Rule::Log, checkpoint.root() == tree.root(), || {
                format!("the checkpoint of {} records is of another log", tree.size())
            });
        }
    }
    let covered = newest(log).is_some_and(|size| size == tree.size()) || log.records.is_empty();
    found.must(Rule::Log, covered, || "the newest checkpoint does not cover the log".to_owned());
    for size in shown.keys() {
        found.must(Rule::Log, *size == 0, || format!("a log of {size} records was shown, and has fewer"));
    }
    for (digest, payload) in &log.payloads {
        found.must(Rule::Log, Digest::of(payload) == *digest, || {
            format!("the payload {digest} has other content")
        });
    }
}

/// The size under the newest checkpoint.
fn newest(log: &Export) -> Option<u64> {
    let open = |note: &String| Checkpoint::open(note.as_bytes(), std::slice::from_ref(&log.key)).ok();
    log.checkpoints.iter().filter_map(open).map(|checkpoint| checkpoint.size()).max()
}
