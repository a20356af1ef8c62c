//! Many changes as one batch: where its records stand in the log, the tree after them, and the checkpoint.
//!
//! How a batch lies in memory is for each database to say ([`Content`]); what is hashed and signed is said here,
//! once for all of them.

use concordat_engine::ports::{Change, Forgotten, RunRow, SavedReply, Sealed, Whose};
use concordat_ledger::tree::{Hash, Node, Subtrees, leaf_hash};
use concordat_ledger::{Frontier, Record};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;

use crate::sealing::seal;

/// What a batch stores, in the form in which one database takes it.
pub(crate) trait Content: Default + Send + Sync {
    /// Adds a record, and gives the very bytes that will be stored.
    fn add_record(&mut self, record: &Record) -> &[u8];

    /// Adds the hash of the record that was added last.
    fn add_leaf(&mut self, leaf: &Hash);

    /// Adds a payload.
    fn add_payload(&mut self, digest: &Digest, content: &[u8]);

    /// Adds the secret of an owner whose first payloads these are.
    fn add_secret(&mut self, owner: &str, secret: &Secret, whose: &Whose);

    /// Adds a payload that lies under its owner's secret.
    fn add_sealed(&mut self, owner: &str, digest: &Digest, body: Vec<u8>);

    /// Forgets an owner's payloads.
    fn forget(&mut self, forgotten: &Forgotten);

    /// Adds the row of a run.
    fn add_run(&mut self, run: &RunRow);

    /// Adds an answer.
    fn add_reply(&mut self, reply: &SavedReply);
}

/// What is stored together, and what the log is after it.
#[derive(Debug)]
pub(crate) struct Batch<C> {
    /// The index of the first record.
    pub(crate) first: u64,
    /// The log after the batch.
    pub(crate) tree: Frontier,
    /// The subtrees that it completes, as far as they are kept in memory.
    pub(crate) completed: Vec<(Node, Hash)>,
    /// The signed head of that log, unless another batch of the same transaction brings it.
    pub(crate) note: Option<String>,
    /// Everything else.
    pub(crate) content: C,
}

/// A record whose bytes are no longer those that were hashed when it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record `{id}` changed in memory after it was sealed; hint: test this machine's memory")]
pub(crate) struct Flipped {
    id: String,
}

impl<C: Content> Batch<C> {
    /// An empty batch for a log that is `tree`.
    pub(crate) fn after(tree: &Frontier) -> Batch<C> {
        Batch {
            first: tree.size(),
            tree: tree.clone(),
            completed: Vec::new(),
            note: None,
            content: C::default(),
        }
    }

    /// Adds a change, and gives the index of its first record.
    pub(crate) fn add(&mut self, change: &Change) -> Result<u64, Flipped> {
        let first = self.tree.size();
        change.records.iter().try_for_each(|record| self.add_record(record))?;
        change.payloads.iter().for_each(|(digest, content)| self.content.add_payload(digest, content));
        change.sealed.iter().for_each(|sealed| self.add_sealed(sealed));
        change.forgotten.iter().for_each(|forgotten| self.content.forget(forgotten));
        change.runs.iter().for_each(|run| self.content.add_run(run));
        change.reply.iter().for_each(|reply| self.content.add_reply(reply));
        Ok(first)
    }

    fn add_sealed(&mut self, sealed: &Sealed) {
        let Sealed { owner, secret, whose, payloads } = sealed;
        whose.iter().for_each(|whose| self.content.add_secret(owner, secret, whose));
        for (digest, content) in payloads {
            self.content.add_sealed(owner, digest, seal(secret, digest, content));
        }
    }

    fn add_record(&mut self, record: &Record) -> Result<(), Flipped> {
        // A log froze for good because one bit of one leaf flipped between hashing and signing (the CT log Yeti
        // 2022), so what is signed is hashed from the very bytes that are stored.
        let leaf = leaf_hash(self.content.add_record(record));
        if leaf != record.leaf() {
            return Err(Flipped { id: record.id().to_owned() });
        }
        self.content.add_leaf(&leaf);
        let completed = &mut self.completed;
        self.tree.append_noting(leaf, |node, hash| {
            if Subtrees::keeps(node) {
                completed.push((node, hash));
            }
        });
        Ok(())
    }
}

/// The log has at most 2^53 - 1 records, so this never saturates.
pub(crate) fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
