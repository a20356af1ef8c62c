//! The connection that writes, and what SQLite's errors mean.

use concordat_ledger::Frontier;
use sqlx::{Connection as _, SqliteConnection};

use super::connection::settle;
use super::content::{self, Content};
use super::place::Place;
use crate::batch::Batch;
use crate::writer::{self, Failure};

/// The connection that writes, and the right to.
pub(super) struct Ledger {
    pub(super) connection: SqliteConnection,
    // Dropped last: only then may another process write.
    pub(super) place: Place,
}

impl writer::Ledger for Ledger {
    type Content = Content;

    async fn store(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        content::store(batch, &mut self.connection).await.map_err(|error| judge(&error))
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        self.run("BEGIN IMMEDIATE").await
    }

    async fn add(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        self.store(batch).await.map_err(within)
    }

    async fn commit(&mut self, _: &str) -> Result<(), Failure> {
        self.run("COMMIT").await.map_err(within)
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        self.run("ROLLBACK").await.map_err(within)
    }

    /// What is deleted is overwritten where it stands; copies of the pages are in the WAL, which is emptied.
    async fn overwrite(&mut self) {
        if let Err(error) = settle(&mut self.connection).await {
            tracing::warn!(%error, "what was forgotten is in the WAL until the next checkpoint: {error}");
        }
    }

    async fn close(self) {
        let Ledger { connection, place } = self;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the database was not closed in order: {error}");
        }
        drop(place);
    }
}

impl Ledger {
    async fn run(&mut self, statement: &'static str) -> Result<(), Failure> {
        let run = sqlx::raw_sql(statement).execute(&mut self.connection).await;
        run.map(drop).map_err(|error| judge(&error))
    }
}

/// After a transaction that has begun nothing is tried again.
fn within(failure: Failure) -> Failure {
    match failure {
        Failure::Busy(why) => Failure::Over(why),
        failure => failure,
    }
}

/// `SQLITE_BUSY`
const BUSY: u32 = 5;
/// `SQLITE_LOCKED`
const LOCKED: u32 = 6;
/// `SQLITE_FULL`
const FULL: u32 = 13;
/// `SQLITE_CONSTRAINT`
const CONSTRAINT: u32 = 19;

/// Says what an error means for what was to be stored.
fn judge(error: &sqlx::Error) -> Failure {
    let database = error.as_database_error();
    // SQLite's extended result codes have the primary one in their low byte.
    let code = database.and_then(|error| error.code()?.parse::<u32>().ok()).map(|code| code & 0xff);
    match (code, database) {
        (Some(BUSY | LOCKED), _) => Failure::Busy("another program holds a lock on the database".into()),
        (Some(CONSTRAINT), Some(error)) => Failure::Refused(in_words(error.message())),
        (Some(FULL), _) => Failure::Over("the disk is full".into()),
        _ => Failure::Unknown(error.to_string()),
    }
}

/// A broken rule of the schema; our triggers speak for themselves.
fn in_words(message: &str) -> String {
    if message.contains("reply.") {
        return "an answer is stored under this `Idempotency-Key` already".into();
    }
    message.to_owned()
}

#[cfg(test)]
mod tests;
