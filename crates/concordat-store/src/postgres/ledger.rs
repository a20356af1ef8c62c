//! The session that writes and holds the lock, and what becomes of a commit when it is lost.
//!
//! Before COMMIT is sent nothing is durable, so a lost session is replaced and the batch stored again, once. After
//! it, only the log can tell: whoever holds the lock again knows that the session before it is over, and finds the
//! batch's checkpoint or the one before. What cannot be found out is unknown, and nothing is written any more.

mod trouble;

use std::time::Duration;

use concordat_engine::failpoint;
use concordat_ledger::Frontier;
use sqlx::{Connection as _, PgConnection};
use tokio::time::error::Elapsed;

use super::connection;
use super::content::{self, Content};
use crate::batch::Batch;
use crate::database::Address;
use crate::log::Stored as _;
use crate::open::OpenError;
use crate::writer::{self, Failure, Ledger as _};
use trouble::Trouble;

/// The lock: "concorda" in the numbers that PostgreSQL locks by. It is the database's own.
const LOCK: i64 = i64::from_be_bytes(*b"concorda");

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For one statement; a server that says nothing for so long is lost.
    pub(super) statement: Duration,
    /// For a server to come back, and to let go of the session that was lost.
    pub(super) absence: Duration,
    /// For whoever holds the lock: a server takes a moment to notice that a process was killed.
    pub(super) lock: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            statement: Duration::from_secs(30),
            absence: Duration::from_secs(15),
            lock: Duration::from_secs(2),
        }
    }
}

/// Between two attempts to reach a server.
const PAUSE: Duration = Duration::from_millis(100);

/// A session that holds the lock.
pub(super) async fn session(address: &Address, patience: Patience) -> Result<PgConnection, OpenError> {
    let mut session = connection::writing(&address.0).await?;
    let limit = format!("{}ms", patience.lock.as_millis());
    sqlx::query("SELECT set_config('lock_timeout', $1, false)").bind(limit).execute(&mut session).await?;
    match sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut session).await {
        Ok(_) => {}
        Err(error) if trouble::is_held(&error) => {
            return Err(OpenError::InUse { database: address.to_string() });
        }
        Err(error) => return Err(error.into()),
    }
    sqlx::raw_sql("SET lock_timeout = 0").execute(&mut session).await?;
    Ok(session)
}

/// The session, and what it takes to replace it.
#[derive(Debug)]
pub(super) struct Ledger {
    address: Address,
    patience: Patience,
    /// `None` when it was lost.
    session: Option<PgConnection>,
    /// The newest checkpoint that is known to be durable.
    newest: Option<String>,
}

impl writer::Ledger for Ledger {
    type Content = Content;

    async fn store(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        let stored = match self.store_once(&batch).await {
            Err(Trouble::Lost(_)) => self.store_once(&batch).await,
            outcome => outcome,
        };
        stored?;
        Ok(batch.tree)
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        let begun = match self.begin_once().await {
            Err(Trouble::Lost(_)) => self.begin_once().await,
            outcome => outcome,
        };
        Ok(begun?)
    }

    async fn add(&mut self, batch: Batch<Content>) -> Result<Frontier, Failure> {
        self.run("SAVEPOINT part").await?;
        match self.insert(&batch).await {
            Ok(()) => self.run("RELEASE SAVEPOINT part").await?,
            Err(refused @ Trouble::Refused(_)) => {
                self.run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part").await?;
                return Err(refused.into());
            }
            Err(trouble) => return Err(trouble.into()),
        }
        Ok(batch.tree)
    }

    async fn commit(&mut self, note: &str) -> Result<(), Failure> {
        Ok(self.finish(note).await?)
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        if self.run("ROLLBACK").await.is_err() {
            // The transaction goes with its session.
            self.session = None;
        }
        Ok(())
    }

    /// Rows that were deleted stay in a table's file until it is written anew. The vault is small.
    async fn overwrite(&mut self) {
        if let Err(trouble) = self.run("VACUUM (FULL) vault").await {
            let hint = "what was forgotten stands in the database's files until somebody runs VACUUM FULL on `vault`";
            tracing::warn!(why = %trouble, "{hint}: {trouble}");
        }
    }

    async fn close(self) {
        let Some(mut session) = self.session else { return };
        let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK).execute(&mut session).await;
        if let Err(error) = unlocked.map(drop).and(session.close().await) {
            tracing::warn!(%error, "the database was not closed in order: {error}");
        }
    }
}

impl Ledger {
    pub(super) fn new(
        address: Address,
        patience: Patience,
        session: PgConnection,
        newest: Option<String>,
    ) -> Ledger {
        Ledger { address, patience, session: Some(session), newest }
    }

    async fn store_once(&mut self, batch: &Batch<Content>) -> Result<(), Trouble> {
        self.begin_once().await?;
        if let Err(trouble) = self.insert(batch).await {
            self.roll_back().await.unwrap_or_default();
            return Err(trouble);
        }
        self.finish(batch.note.as_deref().unwrap_or_default()).await
    }

    async fn begin_once(&mut self) -> Result<(), Trouble> {
        if self.session.is_none() && self.reach().await? != self.newest {
            return Err(self.foreign());
        }
        self.run("BEGIN").await
    }

    async fn finish(&mut self, note: &str) -> Result<(), Trouble> {
        failpoint::reach(failpoint::BEFORE_COMMIT);
        match self.run("COMMIT").await {
            Ok(()) => {}
            Err(Trouble::Lost(why)) => self.find_out(note, why).await?,
            Err(trouble) => return Err(trouble),
        }
        self.newest = Some(note.to_owned());
        Ok(())
    }

    /// Whether the transaction with this checkpoint was committed before the session was lost.
    async fn find_out(&mut self, note: &str, why: String) -> Result<(), Trouble> {
        match self.reach().await {
            Ok(found) if found.as_deref() == Some(note) => Ok(()),
            Ok(found) if found == self.newest => Err(Trouble::Lost(why)),
            Ok(_) => Err(self.foreign()),
            Err(trouble) => Err(Trouble::Unknown(format!("{why}; then: {trouble}"))),
        }
    }

    /// Takes a new session with the lock, and gives the newest checkpoint that the log has now.
    async fn reach(&mut self) -> Result<Option<String>, Trouble> {
        self.session = None;
        let mut last = String::from("it does not answer");
        let attempts = async {
            loop {
                match fresh(&self.address, self.patience).await {
                    Ok(reached) => return Ok(reached),
                    Err(error @ (OpenError::Setting { .. } | OpenError::Old { .. })) => {
                        return Err(Trouble::Over(error.to_string()));
                    }
                    Err(error) => last = error.to_string(),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let reached = tokio::time::timeout(self.patience.absence, attempts).await;
        let (session, newest) = reached
            .unwrap_or_else(|_| Err(Trouble::Lost(format!("the server cannot be reached: {last}"))))?;
        tracing::warn!("the database's connection was lost and is there again");
        self.session = Some(session);
        Ok(newest)
    }

    /// Somebody else wrote while the lock was not ours: what is in memory is no longer what is stored.
    fn foreign(&mut self) -> Trouble {
        self.session = None;
        Trouble::Over("another process wrote to the log".to_owned())
    }

    async fn run(&mut self, statements: &'static str) -> Result<(), Trouble> {
        let Some(session) = &mut self.session else { return Err(gone()) };
        let run = sqlx::raw_sql(statements).execute(session);
        let outcome = tokio::time::timeout(self.patience.statement, run).await;
        self.heard(outcome.map(|done| done.map(drop)))
    }

    async fn insert(&mut self, batch: &Batch<Content>) -> Result<(), Trouble> {
        let Some(session) = &mut self.session else { return Err(gone()) };
        let outcome = tokio::time::timeout(self.patience.statement, content::store(batch, session)).await;
        self.heard(outcome)
    }

    /// Lets go of a session that was lost.
    fn heard(&mut self, outcome: Result<sqlx::Result<()>, Elapsed>) -> Result<(), Trouble> {
        let trouble = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Trouble::of(&error),
            Err(_) => Trouble::Lost("the server does not answer".to_owned()),
        };
        if matches!(trouble, Trouble::Lost(_)) {
            self.session = None;
        }
        Err(trouble)
    }
}

fn gone() -> Trouble {
    Trouble::Lost("the session is gone".to_owned())
}

/// A new session with the lock, and the newest checkpoint that it sees.
async fn fresh(address: &Address, patience: Patience) -> Result<(PgConnection, Option<String>), OpenError> {
    let mut session = session(address, patience).await?;
    let newest = session.notes().await?.into_iter().next().map(|(_, note)| note);
    Ok((session, newest))
}

#[cfg(test)]
mod tests;
