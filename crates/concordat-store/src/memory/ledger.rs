//! How a transaction reaches the disk: when, and whether anybody learns of it.

use std::time::Duration;

use concordat_engine::ports::{Forgotten, RunRow, SavedReply, Whose};
use concordat_ledger::tree::Hash;
use concordat_ledger::{Frontier, Record};
use concordat_model::digest::Digest;
use concordat_model::payload::{Payload, Secret};

use super::disk::{Added, Disk};
use crate::batch::{self, Batch};
use crate::writer::{self, Failure};

/// How one transaction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// How long it is on its way to the disk. A crash in this time loses it.
    pub before: Duration,
    /// What becomes of it.
    pub end: End,
    /// How long the answer is on its way back. A crash in this time leaves its outcome unknown.
    pub after: Duration,
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is durable, and its maker learns so.
    Durable,
    /// The disk cannot write at the moment, and nothing happened.
    Busy,
    /// The disk is full: nothing happened, and nothing will until the next start.
    Full,
    /// Its maker does not learn whether it is durable.
    Unknown {
        /// Whether it is.
        durable: bool,
    },
    /// The disk lies: its maker learns that it is durable, and it is not. No promise holds on such a disk; this is
    /// for checking that a checker notices.
    Lost,
}

/// Says for each transaction how it goes.
pub type Passages = Box<dyn FnMut() -> Passage + Send>;

impl Passage {
    /// At once, and well.
    pub const SMOOTH: Passage = Passage { before: Duration::ZERO, end: End::Durable, after: Duration::ZERO };
}

/// The way to the disk.
pub(super) struct Ledger {
    disk: Disk,
    opening: u64,
    passages: Passages,
    transaction: Option<Transaction>,
}

#[derive(Default)]
struct Transaction {
    added: Added,
    batches: Vec<(Content, Option<(u64, String)>)>,
}

/// The values of a batch.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) records: Vec<Record>,
    pub(super) payloads: Vec<Payload>,
    pub(super) secrets: Vec<(String, Secret, Whose)>,
    pub(super) sealed: Vec<(String, Digest, Vec<u8>)>,
    pub(super) forgotten: Vec<Forgotten>,
    pub(super) runs: Vec<RunRow>,
    pub(super) replies: Vec<SavedReply>,
}

impl batch::Content for Content {
    fn add_record(&mut self, record: &Record) -> &[u8] {
        self.records.push(record.clone());
        self.records.last().map(Record::bytes).unwrap_or_default()
    }

    fn add_leaf(&mut self, _: &Hash) {}

    fn add_payload(&mut self, digest: &Digest, content: &[u8]) {
        self.payloads.push((*digest, content.to_vec()));
    }

    fn add_secret(&mut self, owner: &str, secret: &Secret, whose: &Whose) {
        self.secrets.push((owner.to_owned(), secret.clone(), whose.clone()));
    }

    fn add_sealed(&mut self, owner: &str, digest: &Digest, body: Vec<u8>) {
        self.sealed.push((owner.to_owned(), *digest, body));
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.forgotten.push(forgotten.clone());
    }

    fn add_run(&mut self, run: &RunRow) {
        self.runs.push(run.clone());
    }

    fn add_reply(&mut self, reply: &SavedReply) {
        self.replies.push(reply.clone());
    }
}

impl Ledger {
    pub(super) fn new(disk: Disk, opening: u64, passages: Passages) -> Ledger {
        Ledger { disk, opening, passages, transaction: None }
    }

    fn check(&self, content: &Content, added: &mut Added) -> Result<(), Failure> {
        let checked = self.disk.read(self.opening, |tables| tables.check(content, added));
        checked.ok_or_else(gone)?.map_err(Failure::Refused)
    }

    /// Takes what was checked to the disk.
    async fn pass(&mut self, batches: Vec<(Content, Option<(u64, String)>)>) -> Result<(), Failure> {
        let Passage { before, end, after } = (self.passages)();
        tokio::time::sleep(before).await;
        if matches!(end, End::Durable | End::Unknown { durable: true }) {
            let written = self.disk.write(self.opening, |tables| {
                batches.into_iter().for_each(|(content, note)| tables.add(content, note));
            });
            written.ok_or_else(gone)?;
        }
        tokio::time::sleep(after).await;
        match end {
            End::Durable | End::Lost => Ok(()),
            End::Busy => Err(Failure::Busy("the disk is busy".to_owned())),
            End::Full => Err(Failure::Over("the disk is full".to_owned())),
            End::Unknown { .. } => Err(Failure::Unknown("the disk did not answer".to_owned())),
        }
    }
}

impl writer::Ledger for Ledger {
    type Content = Content;

    async fn store(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        let Batch { tree, note, content, .. } = batch;
        self.check(&content, &mut Added::default())?;
        self.pass(vec![(content, note.map(|note| (tree.size(), note)))]).await?;
        Ok(tree)
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        self.transaction = Some(Transaction::default());
        Ok(())
    }

    async fn add(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        let Batch { tree, note, content, .. } = batch;
        let mut transaction = self.transaction.take().unwrap_or_default();
        let added = transaction.added.clone();
        let checked = self.check(&content, &mut transaction.added);
        match &checked {
            Ok(()) => transaction.batches.push((content, note.map(|note| (tree.size(), note)))),
            Err(_) => transaction.added = added,
        }
        self.transaction = Some(transaction);
        checked.map(|()| tree)
    }

    async fn commit(&mut self, _: &str) -> Result<(), Failure> {
        let transaction = self.transaction.take().unwrap_or_default();
        self.pass(transaction.batches).await
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        self.transaction = None;
        Ok(())
    }

    async fn overwrite(&mut self) {}

    async fn close(self) {}
}

fn gone() -> Failure {
    Failure::Over("another program has opened the disk".to_owned())
}
