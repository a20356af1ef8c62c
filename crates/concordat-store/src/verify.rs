//! Checks a whole database against its signatures, without changing it and while a server may be writing it.
//!
//! Everything is read in one snapshot and recomputed by `concordat-ledger`'s verifier: every body, leaf hash and
//! index column of the log, every checkpoint, and the digest of every payload. The tables `run` and `reply` are
//! projections and prove nothing; they are not looked at.
//!
//! A database proves nothing about what was cut off its end together with the checkpoints: for that, give a
//! checkpoint that was kept elsewhere.

mod exact;
mod pipe;
mod postgres;
mod quick;
mod rows;
mod sqlite;

use concordat_ledger::verify::{CannotVerify, Fault, Stop, Verified, Verify};
use concordat_ledger::{Checkpoint, Verifier};

use crate::database::Database;
pub use pipe::{Progress, Watch};

/// What was found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// The log.
    pub log: Verified,
    /// How many payloads are stored, each with the content that its digest names.
    pub payloads: u64,
}

/// Why a database is not known to be sound.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// The log is not what was signed.
    #[error("the log is not what was signed: {0}")]
    Fault(#[from] Fault),
    /// A checkpoint stands at another place than it was signed for.
    #[error("the checkpoint stored for {size} records was not signed for so many")]
    Misplaced {
        /// The size under which it is stored.
        size: i64,
    },
    /// A payload has other content than its digest names.
    #[error("the payload stored as `{stored}` has other content than this digest names")]
    Payload {
        /// The stored digest, in hexadecimal.
        stored: String,
    },
    /// A column holds what this program never writes.
    #[error("the table `{table}` holds a row that cannot be read (`{row}`): {why}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// Why it cannot be read.
        why: String,
    },
    /// Evidence is missing; nothing is known about the log.
    #[error(transparent)]
    CannotVerify(#[from] CannotVerify),
    /// The database cannot be read; nothing is known about the log.
    #[error("the database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

impl Unsound {
    /// Whether the database was found wrong; otherwise there was too little to say.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Unsound::CannotVerify(_) | Unsound::Database(_))
    }
}

impl From<Stop> for Unsound {
    fn from(stop: Stop) -> Unsound {
        match stop {
            Stop::Fault(fault) => fault.into(),
            Stop::CannotVerify(missing) => missing.into(),
        }
    }
}

/// Verifies a database with the log's public keys, and against a checkpoint that was kept elsewhere if there is one.
///
/// # Errors
/// The first thing that is wrong, or that cannot be known.
pub async fn database(
    database: &Database,
    keys: Vec<Verifier>,
    trusted: Option<Checkpoint>,
) -> Result<Sound, Unsound> {
    watched(database, keys, trusted, &|_| {}).await
}

/// Verifies a database as [`database`] does, and tells how far it is.
///
/// # Errors
/// The first thing that is wrong, or that cannot be known.
pub async fn watched(
    database: &Database,
    keys: Vec<Verifier>,
    trusted: Option<Checkpoint>,
    watch: Watch<'_>,
) -> Result<Sound, Unsound> {
    let mut verify = Verify::with_keys(keys)?;
    if let Some(trusted) = trusted {
        verify = verify.trusting(trusted)?;
    }
    match database {
        Database::File(path) => sqlite::file(path, verify, watch).await,
        Database::Server(address) => postgres::server(address, verify, watch).await,
    }
}
