//! What clients were told is in the log, once.

use std::collections::{BTreeMap, BTreeSet};

use concordat_ledger::Record;
use concordat_model::id::RunId;
use concordat_model::run::event::{Event, Origin};

use super::told::Told;
use super::{Found, Rule};

/// Compares receipts with first events.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    let mut by_key: BTreeMap<String, BTreeSet<RunId>> = BTreeMap::new();
    let asked: BTreeSet<&str> = told.history.receipts.iter().map(|one| one.key.as_str()).collect();
    for life in told.runs.values() {
        if let Some((_, Event::Received { label, origin: Origin::Submitted, .. })) = life.events.first() {
            by_key.entry(label.to_string()).or_default().insert(life.id);
        }
    }
    for (key, runs) in by_key.iter().filter(|(key, _)| asked.contains(key.as_str())) {
        found.must(Rule::Receipts, runs.len() == 1, || format!("the key {key} made {} runs", runs.len()));
    }
    for receipt in &told.history.receipts {
        let life = receipt.run.parse::<RunId>().ok().and_then(|run| told.runs.get(&run));
        let first = life.and_then(|life| life.events.first());
        let Some((index, Event::Received { label, contract, .. })) = first else {
            found.must(Rule::Receipts, false, || {
                format!("{} was acknowledged and is not in the log", receipt.run)
            });
            continue;
        };
        let same = label.to_string() == receipt.key && contract.to_string() == receipt.digest;
        found.must(Rule::Receipts, same, || format!("{} is not what was acknowledged", receipt.run));
        let Some((place, hash)) = &receipt.leaf else { continue };
        let there = told.history.log.records.get(usize::try_from(*place).unwrap_or(usize::MAX));
        let leaf = there.and_then(|there| Record::read(&there.bytes).ok()).map(|there| there.leaf());
        let same = place == index && leaf.is_some_and(|leaf| leaf.to_string() == *hash);
        found.must(Rule::Receipts, same, || {
            format!("the record {place} of {} is not the one that was shown", receipt.run)
        });
    }
}
