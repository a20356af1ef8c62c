//! Hears the witnesses: reads the log out of its store, as an auditor would.

use std::collections::{BTreeMap, BTreeSet};

use concordat_engine::ports::{Page, RecordFilter, RunFilter, RunRow, Store, StoreError};
use concordat_ledger::{Record, Verifier};
use concordat_model::digest::Digest;
use concordat_model::run::event::{Attempt, Event, Reply};

use super::{Export, Exported, History};

/// The log of a store, with the inputs of every `nth` decision.
///
/// # Errors
/// The store cannot be read.
pub async fn export(store: &dyn Store, key: Verifier, nth: usize) -> Result<Export, StoreError> {
    let mut export = Export {
        records: Vec::new(),
        checkpoints: store.checkpoint().await?.into_iter().map(|checkpoint| checkpoint.note).collect(),
        key,
        payloads: BTreeMap::new(),
        rows: rows(store).await?,
    };
    let mut inputs = Vec::new();
    let mut filter = RecordFilter::default();
    loop {
        let page = store.records(&filter, Page::LARGEST).await?;
        let Some(last) = page.last() else { break };
        filter.from = last.index + 1;
        for stored in page {
            if let Ok(Event::Decided { decision, .. }) = stored.record.data::<Event>() {
                inputs.push(decision.provenance.input);
            }
            export.records.push(Exported { index: stored.index, bytes: stored.record.bytes().to_vec() });
        }
    }
    for row in &export.rows {
        if let Some(run) = store.run(row.id).await? {
            export.payloads.extend(run.payloads);
        }
    }
    for input in inputs.into_iter().step_by(nth.max(1)) {
        add(store, &mut export.payloads, input).await?;
    }
    Ok(export)
}

/// A history without receipts and secrets.
///
/// # Errors
/// The store cannot be read.
pub async fn collect(store: &dyn Store, key: Verifier) -> Result<History, StoreError> {
    let log = export(store, key, 1).await?;
    Ok(History { log, calls: Vec::new(), receipts: Vec::new(), secrets: Vec::new() })
}

/// The decisions whose call had such an outcome.
#[must_use]
pub fn outcomes(history: &History, is: impl Fn(&Reply) -> bool) -> BTreeSet<String> {
    let mut sent: BTreeMap<(String, Attempt), String> = BTreeMap::new();
    let mut such = BTreeSet::new();
    for record in history.log.records.iter().filter_map(|one| Record::read(&one.bytes).ok()) {
        match record.data::<Event>() {
            Ok(Event::Dispatched { attempt, decision, .. }) => {
                sent.insert((record.subject().to_owned(), attempt), decision.to_string());
            }
            Ok(Event::Answered { attempt, reply, .. }) if is(&reply) => {
                such.extend(sent.get(&(record.subject().to_owned(), attempt)).cloned());
            }
            _ => {}
        }
    }
    such
}

async fn add(
    store: &dyn Store,
    payloads: &mut BTreeMap<Digest, Vec<u8>>,
    digest: Digest,
) -> Result<(), StoreError> {
    if let Some(payload) = store.payload(&digest).await? {
        payloads.insert(digest, payload);
    }
    Ok(())
}

async fn rows(store: &dyn Store) -> Result<Vec<RunRow>, StoreError> {
    let mut rows: Vec<RunRow> = Vec::new();
    loop {
        let filter = RunFilter { before: rows.last().map(|row| row.id), ..RunFilter::default() };
        let page = store.runs(&filter, Page::LARGEST).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}
