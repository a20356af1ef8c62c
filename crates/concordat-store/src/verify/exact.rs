//! Row by row, so that what is wrong is named exactly.

use concordat_ledger::Record;
use concordat_ledger::tree::Hash;
use concordat_ledger::verify::{Columns, Entry, Stored, Verified, Verify};
use concordat_model::digest::Digest;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::Unsound;

/// Verifies every record and every checkpoint.
pub(super) async fn log(snapshot: &mut SqliteConnection, verify: Verify) -> Result<Verified, Unsound> {
    let verify = records(snapshot, verify).await?;
    Ok(checkpoints_elsewhere(snapshot, verify).await?.finish()?)
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

/// Verifies every payload, and counts them.
pub(super) async fn payloads(snapshot: &mut SqliteConnection) -> Result<u64, Unsound> {
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
