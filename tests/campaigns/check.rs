//! Looks only at the log, the clients' receipts and the agents' ledgers, and says where they do not agree.
//!
//! Order is the log's order, never a clock's: an agent was told how long the log was when it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use concordat::demo::agents::Entry;
use concordat_engine::fold;
use concordat_engine::ports::{Page, RecordFilter, Store, StoredRecord};
use concordat_ledger::{Signer, Verifier};
use concordat_model::decision::{Answer, Gate};
use concordat_model::id::RunId;
use concordat_model::run::event::{Attempt, Event, Reply};
use concordat_store::{Database, Signing};

use crate::crash::Acknowledged;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What must not be.
    pub(crate) faults: Vec<String>,
    /// Attempts that were with an agent when the server was killed.
    pub(crate) interrupted: usize,
    records: usize,
    runs: usize,
    acknowledged: usize,
    calls: usize,
}

impl Found {
    fn must(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds && self.faults.len() < 50 {
            self.faults.push(fault());
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { faults, interrupted, records, runs, acknowledged, calls } = self;
        write!(
            f,
            "{records} records verify; {runs} runs, {acknowledged} acknowledged; {calls} calls reached agents; \
             {interrupted} were in flight when the server was killed; {} faults",
            faults.len()
        )?;
        faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Everything that must hold of a house that was killed and is at rest now.
pub(crate) async fn all(
    data: &Path,
    acknowledged: &[Acknowledged],
    ledgers: &[Entry],
) -> anyhow::Result<Found> {
    let mut found = Found { acknowledged: acknowledged.len(), calls: ledgers.len(), ..Found::default() };
    let key: Verifier = std::fs::read_to_string(data.join("log.vkey"))?.trim().parse()?;
    let database = Database::File(data.join("concordat.db"));
    if let Err(error) = concordat_store::verify::database(&database, vec![key], None).await {
        found.faults.push(format!("the log does not verify: {error}"));
    }
    let signer = Signer::from_seed("concordat/campaign", &[0; 32])?;
    let earlier = vec![std::fs::read_to_string(data.join("log.vkey"))?.trim().parse()?];
    let store = database.open(Signing { signer, earlier }).await?;
    let records = read(&*store).await?;
    found.records = records.len();
    runs(&*store, &records, &mut found).await?;
    receipts(&records, acknowledged, &mut found)?;
    calls(&records, ledgers, &mut found)?;
    Ok(found)
}

async fn read(store: &dyn Store) -> anyhow::Result<Vec<StoredRecord>> {
    let mut all = Vec::new();
    let mut filter = RecordFilter::default();
    loop {
        let page = store.records(&filter, Page::LARGEST).await?;
        let Some(last) = page.last() else { return Ok(all) };
        filter.from = last.index + 1;
        all.extend(page);
    }
}

fn events(records: &[StoredRecord]) -> impl Iterator<Item = (&StoredRecord, Event)> {
    let of_runs = records.iter().filter(|one| one.record.subject().starts_with(RunId::PREFIX));
    of_runs.filter_map(|one| one.record.data().ok().map(|event| (one, event)))
}

/// Every run folds, is over, and each attempt has at most one dispatch and one answer.
async fn runs(store: &dyn Store, records: &[StoredRecord], found: &mut Found) -> anyhow::Result<()> {
    let ids: BTreeSet<&str> =
        records.iter().map(|one| one.record.subject()).filter(|id| id.starts_with(RunId::PREFIX)).collect();
    found.runs = ids.len();
    for id in ids {
        let stored = store.run(id.parse()?).await?.with_context(|| format!("{id} has records and no row"))?;
        match fold(&stored) {
            Ok(run) => found.must(run.state.is_ended(), || format!("{id} is not over")),
            Err(error) => found.must(false, || format!("{id} does not fold: {error}")),
        }
    }
    let mut seen: BTreeSet<(&str, &'static str, Attempt)> = BTreeSet::new();
    for (one, event) in events(records) {
        let id = one.record.subject();
        let (what, attempt) = match event {
            Event::Dispatched { attempt, .. } => ("dispatch", attempt),
            Event::Answered { attempt, reply, .. } => {
                found.interrupted += usize::from(reply == Reply::Interrupted);
                ("answer", attempt)
            }
            _ => continue,
        };
        let told = format!("{id}: a second {what} of {attempt:?}");
        let first = seen.insert((id, what, attempt));
        found.must(first, || told);
    }
    Ok(())
}

/// Every acknowledged contract is in the log, and each key made one run.
fn receipts(
    records: &[StoredRecord],
    acknowledged: &[Acknowledged],
    found: &mut Found,
) -> anyhow::Result<()> {
    let mut by_label: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (one, event) in events(records) {
        if let Event::Received { label, .. } = event {
            by_label.entry(label.to_string()).or_default().push(one.record.subject());
        }
    }
    for (label, runs) in &by_label {
        found.must(runs.len() == 1, || format!("the key {label} made {} runs", runs.len()));
    }
    for one in acknowledged {
        let run = by_label.get(&one.key).and_then(|runs| runs.first());
        found.must(run == Some(&one.run.as_str()), || {
            format!("{} was acknowledged and is not in the log", one.run)
        });
    }
    Ok(())
}

/// Every call that reached an agent was permitted, decided and recorded before; its key is that of its step.
fn calls(records: &[StoredRecord], ledgers: &[Entry], found: &mut Found) -> anyhow::Result<()> {
    let mut permits: BTreeMap<String, u64> = BTreeMap::new();
    let mut intents: BTreeMap<String, (u64, String, Attempt)> = BTreeMap::new();
    for (one, event) in events(records) {
        match event {
            Event::Decided { decision, .. }
                if decision.gate == Gate::Dispatch && decision.answer == Answer::Permit =>
            {
                permits.insert(decision.id.to_string(), one.index);
            }
            Event::Dispatched { decision, attempt, .. } => {
                intents.insert(decision.to_string(), (one.index, one.record.subject().to_owned(), attempt));
            }
            _ => {}
        }
    }
    let mut applied: BTreeSet<(&str, &str)> = BTreeSet::new();
    for entry in ledgers {
        let told = || {
            format!(
                "{} got a call for {} of {} under {}",
                entry.agent, entry.step, entry.run, entry.decision_id
            )
        };
        let permit = permits.get(&entry.decision_id);
        let Some((intent, run, attempt)) = intents.get(&entry.decision_id) else {
            found.must(false, || format!("{}: no such intent in the log", told()));
            continue;
        };
        let size: u64 = entry.log_size.parse().unwrap_or(0);
        found.must(permit.is_some_and(|permit| permit < intent), || {
            format!("{}: not permitted before", told())
        });
        found.must(*intent < size, || format!("{}: the intent was not durable when it was sent", told()));
        let key = format!("{run}/{}/{}", attempt.step, attempt.leg.as_str());
        found.must(entry.idempotency_key == key, || {
            format!("{}: the key is {}", told(), entry.idempotency_key)
        });
        if entry.applied {
            let first = applied.insert((entry.agent, &entry.idempotency_key));
            found.must(first, || format!("{}: applied twice", told()));
        }
    }
    Ok(())
}
