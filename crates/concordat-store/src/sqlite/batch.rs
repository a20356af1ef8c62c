//! Many changes as the few large values of one statement.
//!
//! A statement costs some 60 µs whatever it does, so a batch is one statement: an insert into a view whose trigger
//! parts it among the tables. Bodies lie end to end in one blob, so nothing is escaped or parsed on the way.

use concordat_engine::ports::{Change, RunRow, SavedReply};
use concordat_ledger::tree::leaf_hash;
use concordat_ledger::{Frontier, Record, Signer};
use serde::Serialize;
use sqlx::SqliteConnection;

/// Creates the view; it is the connection's own and not part of the database.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(include_str!("batch.sql")).execute(connection).await.map(drop)
}

/// What one statement stores, and what the log is after it.
#[derive(Debug)]
pub(super) struct Batch {
    first: u64,
    tree: Frontier,
    note: Option<String>,
    records: Rows,
    leaves: Vec<u8>,
    bodies: Vec<u8>,
    payloads: Rows,
    digests: Vec<u8>,
    contents: Vec<u8>,
    runs: Rows,
    replies: Rows,
}

/// A record whose bytes are no longer those that were hashed when it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record `{id}` changed in memory after it was sealed; hint: test this machine's memory")]
pub(super) struct Flipped {
    id: String,
}

impl Batch {
    /// An empty batch for a log that is `tree`.
    pub(super) fn after(tree: &Frontier) -> Batch {
        Batch {
            first: tree.size(),
            tree: tree.clone(),
            note: None,
            records: Rows::new(),
            leaves: Vec::new(),
            bodies: Vec::new(),
            payloads: Rows::new(),
            digests: Vec::new(),
            contents: Vec::new(),
            runs: Rows::new(),
            replies: Rows::new(),
        }
    }

    /// Adds a change, and gives the index of its first record.
    pub(super) fn add(&mut self, change: &Change) -> Result<u64, Flipped> {
        let first = self.tree.size();
        change.records.iter().try_for_each(|record| self.add_record(record))?;
        for (digest, content) in &change.payloads {
            self.payloads.push(&(self.contents.len() + 1, content.len()));
            self.digests.extend_from_slice(digest.bytes());
            self.contents.extend_from_slice(content);
        }
        change.runs.iter().for_each(|run| self.add_run(run));
        change.reply.iter().for_each(|reply| self.add_reply(reply));
        Ok(first)
    }

    fn add_record(&mut self, record: &Record) -> Result<(), Flipped> {
        let start = self.bodies.len();
        self.bodies.extend_from_slice(record.bytes());
        // A log froze for good because one bit of one leaf flipped between hashing and signing (the CT log Yeti
        // 2022), so what is signed is hashed from the very bytes that are stored.
        let stored = self.bodies.get(start..).unwrap_or_default();
        let leaf = leaf_hash(stored);
        if leaf != record.leaf() {
            return Err(Flipped { id: record.id().to_owned() });
        }
        self.records.push(&(
            record.id(),
            record.kind(),
            record.subject(),
            record.subject_seq(),
            record.time(),
            start + 1,
            stored.len(),
        ));
        self.leaves.extend_from_slice(leaf.as_bytes());
        self.tree.append(leaf);
        Ok(())
    }

    fn add_run(&mut self, run: &RunRow) {
        self.runs.push(&(
            run.id,
            &run.tenant,
            run.submission,
            &run.label,
            &run.contract,
            run.digest,
            &run.submitter,
            &run.domain,
            &run.status,
            run.settled,
            run.steps,
            run.received,
            run.ended,
        ));
    }

    fn add_reply(&mut self, reply: &SavedReply) {
        self.replies.push(&(&reply.caller, &reply.key, reply.fingerprint, &reply.body));
    }

    /// Signs what the log is after this batch.
    pub(super) fn sign(&mut self, signer: &Signer) {
        self.note = Some(signer.checkpoint(&self.tree).note().to_owned());
    }

    /// Stores the batch, and gives what the log is then. Outside of a transaction it is one of its own.
    pub(super) async fn store(self, connection: &mut SqliteConnection) -> sqlx::Result<Frontier> {
        let insert = sqlx::query("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(number(self.first))
            .bind(self.records.close())
            .bind(self.leaves)
            .bind(self.bodies)
            .bind(self.payloads.close())
            .bind(self.digests)
            .bind(self.contents)
            .bind(self.runs.close())
            .bind(self.replies.close())
            .bind(number(self.tree.size()))
            .bind(self.note);
        insert.execute(connection).await?;
        Ok(self.tree)
    }
}

/// The log has at most 2^53 - 1 records, so this never saturates.
fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A JSON array under construction.
#[derive(Debug)]
struct Rows(Vec<u8>);

impl Rows {
    fn new() -> Rows {
        Rows(vec![b'['])
    }

    fn push(&mut self, row: &impl Serialize) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        let start = self.0.len();
        if serde_json::to_writer(&mut self.0, row).is_err() {
            // Cannot happen: rows are text and numbers. An empty row breaks NOT NULL, so nothing would be stored.
            self.0.truncate(start);
            self.0.extend_from_slice(b"[]");
        }
    }

    fn close(mut self) -> String {
        self.0.push(b']');
        String::from_utf8(self.0).unwrap_or_default()
    }
}
