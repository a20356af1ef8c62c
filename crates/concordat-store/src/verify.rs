//! Checks a whole database against its signatures, without changing it and while a server may be writing it.
//!
//! Everything is read in one snapshot and recomputed by `concordat-ledger`'s verifier: every body, leaf hash and
//! index column of the log, every checkpoint, and the digest of every payload. The tables `run` and `reply` are
//! projections and prove nothing; they are not looked at.
//!
//! A database proves nothing about what was cut off its end together with the checkpoints: for that, give a
//! checkpoint that was kept elsewhere.

use std::path::Path;

use concordat_ledger::tree::Hash;
use concordat_ledger::verify::{CannotVerify, Columns, Entry, Fault, Stop, Stored, Verified, Verify};
use concordat_ledger::{Checkpoint, Record, Verifier};
use concordat_model::digest::Digest;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::sqlite::reading_alone;

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
    #[error("the payload stored as `{stored}` has the digest `{computed}`")]
    Payload {
        /// The stored digest, in hexadecimal.
        stored: String,
        /// The digest of the content.
        computed: Digest,
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
    path: &Path,
    keys: Vec<Verifier>,
    trusted: Option<Checkpoint>,
) -> Result<Sound, Unsound> {
    let mut verify = Verify::with_keys(keys)?;
    if let Some(trusted) = trusted {
        verify = verify.trusting(trusted)?;
    }
    let mut connection = reading_alone(path).await?;
    let mut snapshot = connection.begin().await?;
    let verify = records(&mut snapshot, verify).await?;
    let log = checkpoints_elsewhere(&mut snapshot, verify).await?.finish()?;
    let payloads = payloads(&mut snapshot).await?;
    Ok(Sound { log, payloads })
}

/// Each record with the checkpoint that it completes.
const LOG: &str = "
    SELECT
        record.idx,
        record.id,
        record.type,
        record.subject,
        record.subject_seq,
        record.time,
        record.leaf,
        record.body,
        checkpoint.size,
        checkpoint.note
    FROM record
    LEFT JOIN checkpoint ON checkpoint.size = record.idx + 1
    ORDER BY record.idx
";

async fn records(snapshot: &mut SqliteConnection, mut verify: Verify) -> Result<Verify, Unsound> {
    let mut rows = sqlx::query(LOG).fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        let cells = Cells { table: "record", row: &row };
        verify = record(&cells, verify)?;
        if cells.get::<Option<i64>>(8)?.is_some() {
            verify = checkpoint(&Cells { table: "checkpoint", row: &row }, 8, verify)?;
        }
    }
    Ok(verify)
}

fn record(cells: &Cells<'_>, verify: Verify) -> Result<Verify, Unsound> {
    let bytes: &[u8] = cells.get(7)?;
    let index = u64::try_from(cells.get::<i64>(0)?).map_err(|error| cells.odd(0, &error))?;
    // What is no record has no columns to compare; the verifier says what is wrong with it.
    let Ok(read) = Record::read(bytes) else {
        return Ok(verify.record(&Entry { index, bytes, stored: None })?);
    };
    let columns = Columns {
        id: cells.get(1)?,
        // The source has no column: nobody looks for it.
        source: read.source(),
        kind: cells.get(2)?,
        subject: cells.get(3)?,
        subject_seq: u64::try_from(cells.get::<i64>(4)?).map_err(|error| cells.odd(0, &error))?,
        time: cells.get(5)?,
    };
    let leaf = Hash::try_from(cells.get::<&[u8]>(6)?).map_err(|error| cells.odd(0, &error))?;
    Ok(verify.record(&Entry { index, bytes, stored: Some(Stored { leaf, columns }) })?)
}

fn checkpoint(cells: &Cells<'_>, column: usize, verify: Verify) -> Result<Verify, Unsound> {
    let size: i64 = cells.get(column)?;
    let note: &str = cells.get(column + 1)?;
    if note.split('\n').nth(1) != Some(size.to_string().as_str()) {
        return Err(Unsound::Misplaced { size });
    }
    Ok(verify.checkpoint(note.as_bytes())?)
}

/// Checkpoints that no record completes: there should be none, so the verifier will say what that means.
async fn checkpoints_elsewhere(
    snapshot: &mut SqliteConnection,
    mut verify: Verify,
) -> Result<Verify, Unsound> {
    let ask = "
        SELECT size, note FROM checkpoint
        WHERE NOT EXISTS (SELECT 1 FROM record WHERE record.idx = checkpoint.size - 1)
        ORDER BY size
    ";
    let mut rows = sqlx::query(ask).fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        verify = checkpoint(&Cells { table: "checkpoint", row: &row }, 0, verify)?;
    }
    Ok(verify)
}

async fn payloads(snapshot: &mut SqliteConnection) -> Result<u64, Unsound> {
    let mut rows = sqlx::query("SELECT hex(digest), digest, body FROM payload").fetch(snapshot);
    let mut payloads = 0;
    while let Some(row) = rows.try_next().await? {
        let cells = Cells { table: "payload", row: &row };
        let computed = Digest::of(cells.get(2)?);
        if computed.bytes() != cells.get::<&[u8]>(1)? {
            return Err(Unsound::Payload { stored: cells.get(0)?, computed });
        }
        payloads += 1;
    }
    Ok(payloads)
}

/// The columns of one row, by their places.
struct Cells<'a> {
    table: &'static str,
    row: &'a SqliteRow,
}

impl<'a> Cells<'a> {
    fn get<T>(&self, column: usize) -> Result<T, Unsound>
    where
        T: sqlx::Decode<'a, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.row.try_get(column).map_err(|error| self.odd(0, &error))
    }

    fn odd(&self, key: usize, why: &dyn std::fmt::Display) -> Unsound {
        let row = self.row.try_get_unchecked(key).unwrap_or_default();
        Unsound::Unreadable { table: self.table, row, why: why.to_string() }
    }
}
