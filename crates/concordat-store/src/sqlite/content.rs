//! A batch as the few large values of one statement.
//!
//! A statement costs some 60 µs whatever it does, so a batch is one statement: an insert into a view whose trigger
//! parts it among the tables. Bodies lie end to end in one blob, so nothing is escaped or parsed on the way.

use concordat_engine::ports::{Forgotten, RunRow, SavedReply, Whose};
use concordat_ledger::tree::Hash;
use concordat_ledger::{Frontier, Record};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::batch::{self, Batch, number};

/// Creates the view; it is the connection's own and not part of the database.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(include_str!("batch.sql")).execute(connection).await.map(drop)
}

/// The values.
#[derive(Debug, Default)]
pub(super) struct Content {
    records: Rows,
    leaves: Vec<u8>,
    bodies: Vec<u8>,
    payloads: Rows,
    digests: Vec<u8>,
    contents: Vec<u8>,
    secrets: Rows,
    sealed: Rows,
    sealed_digests: Vec<u8>,
    sealed_contents: Vec<u8>,
    forgotten: Rows,
    runs: Rows,
    replies: Rows,
}

impl batch::Content for Content {
    fn add_record(&mut self, record: &Record) -> &[u8] {
        let start = self.bodies.len();
        self.bodies.extend_from_slice(record.bytes());
        let stored = self.bodies.get(start..).unwrap_or_default();
        self.records.push(&(
            record.id(),
            record.kind(),
            record.subject(),
            record.subject_seq(),
            record.time(),
            start + 1,
            stored.len(),
        ));
        stored
    }

    fn add_leaf(&mut self, leaf: &Hash) {
        self.leaves.extend_from_slice(leaf.as_bytes());
    }

    fn add_payload(&mut self, digest: &Digest, content: &[u8]) {
        self.payloads.push(&(self.contents.len() + 1, content.len()));
        self.digests.extend_from_slice(digest.bytes());
        self.contents.extend_from_slice(content);
    }

    fn add_secret(&mut self, owner: &str, secret: &Secret, whose: &Whose) {
        self.secrets.push(&(owner, &whose.tenant, &whose.subject, hex(secret.bytes())));
    }

    fn add_sealed(&mut self, owner: &str, digest: &Digest, body: Vec<u8>) {
        self.sealed.push(&(owner, self.sealed_contents.len() + 1, body.len()));
        self.sealed_digests.extend_from_slice(digest.bytes());
        self.sealed_contents.extend(body);
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.forgotten.push(&(&forgotten.owner, &forgotten.record, &forgotten.payloads));
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
}

/// Stores a batch, and gives what the log is then. Outside of a transaction it is one of its own.
pub(super) async fn store(
    mut batch: Batch<Content>,
    connection: &mut SqliteConnection,
) -> sqlx::Result<Frontier> {
    let forgotten = std::mem::take(&mut batch.content.forgotten);
    if forgotten.is_empty() {
        return insert(batch, connection).await;
    }
    sqlx::raw_sql("SAVEPOINT forgetting").execute(&mut *connection).await?;
    let done = async {
        let tree = insert(batch, &mut *connection).await?;
        let forget = sqlx::query("INSERT INTO forgetting VALUES (?)").bind(forgotten.close());
        forget.execute(&mut *connection).await?;
        sqlx::raw_sql("RELEASE forgetting").execute(&mut *connection).await?;
        Ok(tree)
    };
    let done = done.await;
    if done.is_err() {
        // Some failures take the transaction with them, and then there is nothing to take back.
        let back = sqlx::raw_sql("ROLLBACK TO forgetting; RELEASE forgetting");
        back.execute(connection).await.map(drop).unwrap_or_default();
    }
    done
}

async fn insert(batch: Batch<Content>, connection: &mut SqliteConnection) -> sqlx::Result<Frontier> {
    let Batch { first, tree, note, content, completed: _ } = batch;
    let insert = sqlx::query("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(number(first))
        .bind(content.records.close())
        .bind(content.leaves)
        .bind(content.bodies)
        .bind(content.payloads.close())
        .bind(content.digests)
        .bind(content.contents)
        .bind(content.secrets.close())
        .bind(content.sealed.close())
        .bind(content.sealed_digests)
        .bind(content.sealed_contents)
        .bind(content.runs.close())
        .bind(content.replies.close())
        .bind(number(tree.size()))
        .bind(note);
    insert.execute(connection).await?;
    Ok(tree)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON array under construction.
#[derive(Debug)]
struct Rows(Vec<u8>);

impl Default for Rows {
    fn default() -> Rows {
        Rows(vec![b'['])
    }
}

impl Rows {
    fn is_empty(&self) -> bool {
        self.0.len() == 1
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
