//! What is durable, and what can be asked of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use concordat_engine::ports::{
    Forgotten, OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, Search, StoreError,
    StoredCheckpoint, StoredRecord, StoredRun, Whose,
};
use concordat_ledger::Record;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use concordat_model::payload::Secret;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::ledger::Content;
use crate::batch::number;
use crate::log::Stored;
use crate::row::{Unsealed, run_of};
use crate::run_payloads::Wanted;
use crate::sealing;
use crate::search::{mentions, within};

/// A disk: what programs leave behind. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    /// Who opened it last; everybody before is shut out.
    opened: u64,
    is_open: bool,
}

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    by_subject: HashMap<String, Vec<usize>>,
    payloads: HashMap<Digest, Vec<u8>>,
    vault: BTreeMap<String, (Secret, Whose)>,
    sealed: HashMap<Digest, (String, Vec<u8>)>,
    forgotten: BTreeMap<String, String>,
    checkpoints: BTreeMap<u64, String>,
    runs: BTreeMap<RunId, RunRow>,
    open: BTreeSet<RunId>,
    replies: HashMap<(String, String), SavedReply>,
}

/// What a transaction has added so far, as far as rules are about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Added {
    ids: HashSet<String>,
    subjects: HashMap<String, u64>,
    replies: HashSet<(String, String)>,
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Disk {
        Disk::default()
    }

    /// Pulls the disk out of the program that has it open: nothing of what it still does gets here.
    pub fn crash(&self) {
        self.0.lock().is_open = false;
    }

    /// The records that are durable from an index on, in the order of the log.
    #[must_use]
    pub fn log_from(&self, index: u64) -> Vec<Record> {
        let from = usize::try_from(index).unwrap_or(usize::MAX);
        self.0.lock().tables.records.get(from..).unwrap_or_default().to_vec()
    }

    /// A payload that is durable.
    #[must_use]
    pub fn payload(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.0.lock().tables.payload(digest)
    }

    /// The number of records that are durable.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        self.0.lock().tables.records.len() as u64
    }

    pub(super) fn open(&self) -> u64 {
        let mut state = self.0.lock();
        state.opened += 1;
        state.is_open = true;
        state.opened
    }

    pub(super) fn close(&self, opening: u64) {
        let mut state = self.0.lock();
        if state.opened == opening {
            state.is_open = false;
        }
    }

    /// Asks the tables; nothing when somebody else has the disk now.
    pub(super) fn read<T>(&self, opening: u64, ask: impl FnOnce(&Tables) -> T) -> Option<T> {
        let state = self.0.lock();
        (state.is_open && state.opened == opening).then(|| ask(&state.tables))
    }

    /// Changes the tables; nothing when somebody else has the disk now.
    pub(super) fn write<T>(&self, opening: u64, change: impl FnOnce(&mut Tables) -> T) -> Option<T> {
        let mut state = self.0.lock();
        (state.is_open && state.opened == opening).then(|| change(&mut state.tables))
    }
}

impl Tables {
    /// Whether a batch may be stored beside what its transaction has added already.
    pub(super) fn check(&self, content: &Content, added: &mut Added) -> Result<(), String> {
        for record in &content.records {
            let subject = record.subject();
            let stored = self.by_subject.get(subject).map_or(0, |records| records.len() as u64);
            let next = added.subjects.entry(subject.to_owned()).or_insert(stored);
            if record.subject_seq().get() != *next {
                return Err("the subject has other records than the change was made for".to_owned());
            }
            *next += 1;
            if self.by_id.contains_key(record.id()) || !added.ids.insert(record.id().to_owned()) {
                return Err("there is a record of this id already".to_owned());
            }
        }
        for forgotten in &content.forgotten {
            let says_so = |record: &Record| {
                record.id() == forgotten.record
                    && ["erasure.executed", "retention.pruned"].contains(&record.kind())
            };
            if self.forgotten.contains_key(&forgotten.owner) || !content.records.iter().any(says_so) {
                return Err("payloads are forgotten once, with a record that says so".to_owned());
            }
        }
        if content.secrets.iter().any(|(owner, ..)| self.forgotten.contains_key(owner)) {
            return Err("an owner has one secret".to_owned());
        }
        for reply in &content.replies {
            let key = (reply.caller.clone(), reply.key.clone());
            if self.replies.contains_key(&key) || !added.replies.insert(key) {
                return Err("an answer is stored under this `Idempotency-Key` already".to_owned());
            }
        }
        Ok(())
    }

    /// Stores a batch that was checked.
    pub(super) fn add(&mut self, content: Content, note: Option<(u64, String)>) {
        for record in content.records {
            let index = self.records.len();
            self.by_id.insert(record.id().to_owned(), index);
            self.by_subject.entry(record.subject().to_owned()).or_default().push(index);
            self.records.push(record);
        }
        for (digest, body) in content.payloads {
            self.payloads.entry(digest).or_insert(body);
        }
        for (owner, secret, whose) in content.secrets {
            self.vault.insert(owner, (secret, whose));
        }
        for (owner, digest, body) in content.sealed {
            self.sealed.entry(digest).or_insert((owner, body));
        }
        for Forgotten { owner, record, payloads } in content.forgotten {
            self.vault.remove(&owner);
            payloads.iter().for_each(|digest| drop(self.sealed.remove(digest)));
            let said = |reply: &&mut SavedReply| reply.body.contains(&owner);
            self.replies
                .values_mut()
                .filter(said)
                .for_each(|reply| reply.fingerprint = Digest::from_bytes([0; 32]));
            self.forgotten.insert(owner, record);
        }
        for row in content.runs {
            match row.ended {
                None => self.open.insert(row.id),
                Some(_) => self.open.remove(&row.id),
            };
            match self.runs.get_mut(&row.id) {
                None => drop(self.runs.insert(row.id, row)),
                Some(known) => {
                    (known.domain, known.status) = (row.domain, row.status);
                    (known.settled, known.steps, known.ended) = (row.settled, row.steps, row.ended);
                }
            }
        }
        for reply in content.replies {
            self.replies.insert((reply.caller.clone(), reply.key.clone()), reply);
        }
        self.checkpoints.extend(note);
    }

    pub(super) fn open_runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        let runs: Result<Vec<_>, _> = self.open.iter().map(|id| self.run(*id)).collect();
        Ok(runs?.into_iter().flatten().collect())
    }

    pub(super) fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError> {
        if !self.runs.contains_key(&id) {
            return Ok(None);
        }
        let subject = id.to_string();
        let mut runs = [run_of(&subject, self.of_subject(&subject).collect())?];
        if let Some(wanted) = Wanted::by(&runs)? {
            let named = |digest: &Digest| self.kept(digest);
            wanted.hand_out(wanted.digests.iter().filter_map(named), &mut runs);
        }
        let [run] = runs;
        Ok(Some(run))
    }

    pub(super) fn runs(&self, filter: &RunFilter, page: Page) -> Vec<RunRow> {
        let before = |row: &&RunRow| filter.before.is_none_or(|before| row.id < before);
        let fits = |row: &&RunRow| {
            filter.tenant.as_ref().is_none_or(|tenant| row.tenant == *tenant)
                && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
                && filter.submission.is_none_or(|submission| row.submission == submission)
                && filter.submitter.as_ref().is_none_or(|submitter| row.submitter == *submitter)
                && filter.label.as_ref().is_none_or(|label| row.label == *label)
        };
        let rows = self.runs.values().rev().filter(before).filter(fits);
        rows.take(page.rows() as usize).cloned().collect()
    }

    pub(super) fn records(&self, filter: &RecordFilter, page: Page) -> Vec<StoredRecord> {
        let wanted = |stored: &StoredRecord| {
            stored.index >= filter.from
                && (filter.types.is_empty() || filter.types.iter().any(|kind| kind == stored.record.kind()))
        };
        let most = page.rows() as usize;
        match &filter.subject {
            Some(subject) => self.of_subject(subject).filter(wanted).take(most).collect(),
            None => {
                let from = usize::try_from(filter.from).unwrap_or(usize::MAX);
                let rest = (from..self.records.len()).filter_map(|index| self.at(index));
                rest.filter(wanted).take(most).collect()
            }
        }
    }

    pub(super) fn find(&self, search: &Search, page: Page) -> Vec<StoredRecord> {
        let mentions_all = |stored: &StoredRecord| {
            let found = mentions::of(&stored.record);
            search
                .mentions
                .iter()
                .all(|mention| mentions::words(mention).iter().any(|word| found.contains(word)))
        };
        let from = usize::try_from(search.filter.from).unwrap_or(usize::MAX);
        let rest = (from..self.records.len()).filter_map(|index| self.at(index));
        let wanted = rest.filter(|stored| within(search, &stored.record) && mentions_all(stored));
        wanted.take(page.rows() as usize).collect()
    }

    pub(super) fn record(&self, id: &str) -> Option<StoredRecord> {
        self.at(*self.by_id.get(id)?)
    }

    pub(super) fn payload(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.kept(digest).map(|kept| kept.payload.1)
    }

    fn kept(&self, digest: &Digest) -> Option<Unsealed> {
        if let Some(content) = self.payloads.get(digest) {
            return Some(Unsealed { payload: (*digest, content.clone()), secret: None });
        }
        let (owner, body) = self.sealed.get(digest)?;
        let (secret, _) = self.vault.get(owner)?;
        Some(Unsealed {
            payload: (*digest, sealing::open(secret, digest, body)?),
            secret: Some(secret.clone()),
        })
    }

    pub(super) fn owners(&self, filter: &OwnerFilter, page: Page) -> Vec<String> {
        let OwnerFilter { tenant, subject, between: (after, before), ended_before } = filter;
        let over = |owner: &str, limit: Timestamp| match owner.parse::<RunId>() {
            Ok(run) => self.runs.get(&run).and_then(|row| row.ended).is_some_and(|ended| ended < limit),
            Err(_) => true,
        };
        let owners = self.vault.iter().filter(|(owner, (_, whose))| {
            whose.tenant == *tenant
                && subject.as_ref().is_none_or(|subject| whose.subject.as_ref() == Some(subject))
                && (after < *owner && *owner < before)
                && ended_before.is_none_or(|limit| over(owner, limit))
        });
        owners.map(|(owner, _)| owner.clone()).take(page.rows() as usize).collect()
    }

    pub(super) fn forgotten(&self, owner: &str) -> Option<String> {
        self.forgotten.get(owner).cloned()
    }

    pub(super) fn reply(&self, caller: &str, key: &str) -> Option<SavedReply> {
        self.replies.get(&(caller.to_owned(), key.to_owned())).cloned()
    }

    pub(super) fn checkpoint(&self) -> Option<StoredCheckpoint> {
        let (size, note) = self.checkpoints.last_key_value()?;
        Some(StoredCheckpoint { size: *size, note: note.clone() })
    }

    pub(super) fn checkpoint_from(&self, size: u64) -> Option<StoredCheckpoint> {
        let (size, note) = self.checkpoints.range(size..).next()?;
        Some(StoredCheckpoint { size: *size, note: note.clone() })
    }

    pub(super) fn within(&self, from: Option<&str>, to: Option<&str>) -> Option<Range<u64>> {
        let inside = |record: &Record| {
            from.is_none_or(|from| record.time() >= from) && to.is_none_or(|to| record.time() < to)
        };
        let first = self.records.iter().position(inside)?;
        let last = self.records.iter().rposition(inside)?;
        Some(first as u64..last as u64 + 1)
    }

    pub(super) fn stored(&self, digests: &[Digest]) -> Vec<Digest> {
        digests.iter().filter(|digest| self.kept(digest).is_some()).copied().collect()
    }

    /// The hashes of a range of records, end to end.
    pub(super) fn leaves(&self, range: &Range<u64>) -> Vec<u8> {
        let at = |index: u64| usize::try_from(index).unwrap_or(usize::MAX);
        let records = self.records.get(at(range.start)..at(range.end)).unwrap_or_default();
        records.iter().flat_map(|record| *record.leaf().as_bytes()).collect()
    }

    fn of_subject(&self, subject: &str) -> impl Iterator<Item = StoredRecord> + '_ {
        self.by_subject.get(subject).into_iter().flatten().filter_map(|index| self.at(*index))
    }

    fn at(&self, index: usize) -> Option<StoredRecord> {
        Some(StoredRecord { index: index as u64, record: self.records.get(index)?.clone() })
    }
}

impl Stored for Disk {
    async fn ends(&mut self) -> sqlx::Result<(i64, i64)> {
        Ok((0, number(self.log_size())))
    }

    async fn leaves(&mut self, from: i64, until: i64) -> sqlx::Result<(i64, Vec<u8>)> {
        let leaves: Vec<_> = self.between(from, until).iter().map(|(_, record)| record.leaf()).collect();
        Ok((number(leaves.len() as u64), leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect()))
    }

    async fn notes(&mut self) -> sqlx::Result<Vec<(i64, String)>> {
        let state = self.0.lock();
        let newest = state.tables.checkpoints.iter().rev().take(2);
        Ok(newest.map(|(size, note)| (number(*size), note.clone())).collect())
    }

    async fn bodies(&mut self, from: i64, until: i64) -> sqlx::Result<Vec<(i64, Vec<u8>, Vec<u8>)>> {
        let rows = self.between(from, until).into_iter();
        Ok(rows
            .map(|(at, record)| (at, record.leaf().as_bytes().to_vec(), record.bytes().to_vec()))
            .collect())
    }
}

impl Disk {
    fn between(&self, from: i64, until: i64) -> Vec<(i64, Record)> {
        let state = self.0.lock();
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        let numbered = (from..until).zip(state.tables.records.iter().skip(skipped));
        numbered.map(|(at, record)| (at, record.clone())).collect()
    }
}
