//! What a verification asks SQLite.

use std::path::Path;

use concordat_ledger::verify::Verify;
use sqlx::Connection as _;

use super::{Sound, Unsound, Watch, exact, quick};
use crate::sqlite::reading_alone;

/// Each record with the checkpoint that it completes.
const LOG: &str = "
    SELECT
        CAST(record.idx AS TEXT) AS row,
        record.idx,
        record.id,
        record.type,
        record.subject,
        record.subject_seq,
        record.time,
        record.leaf,
        record.body,
        CAST(checkpoint.size AS TEXT) AS checkpoint_row,
        checkpoint.size,
        checkpoint.note
    FROM record
    LEFT JOIN checkpoint ON checkpoint.size = record.idx + 1
    ORDER BY record.idx
";

/// Checkpoints that no record completes.
const ASTRAY: &str = "
    SELECT CAST(size AS TEXT) AS checkpoint_row, size, note FROM checkpoint
    WHERE NOT EXISTS (SELECT 1 FROM record WHERE record.idx = checkpoint.size - 1)
    ORDER BY size
";

/// What was forgotten cannot be read, so there is nothing to verify.
const PAYLOADS: &str = "
    SELECT hex(digest) AS row, digest, body, NULL AS secret FROM payload
    UNION ALL
    SELECT hex(digest) AS row, digest, body, secret FROM sealed JOIN vault USING (owner)
";

/// Verifies a file.
pub(super) async fn file(path: &Path, verify: Verify, watch: Watch<'_>) -> Result<Sound, Unsound> {
    let mut connection = reading_alone(path).await?;
    let mut snapshot = connection.begin().await?;
    // Rows cost more than hashing, so they are read a thousand at a time; only a log that is not right so is read
    // again row by row, to say where.
    let log = match quick::log(&mut snapshot, verify.clone(), watch).await {
        Some(log) => log,
        None => {
            let verify = exact::records(sqlx::query(LOG).fetch(&mut *snapshot), verify).await?;
            exact::checkpoints(sqlx::query(ASTRAY).fetch(&mut *snapshot), verify).await?.finish()?
        }
    };
    let payloads = exact::payloads(sqlx::query(PAYLOADS).fetch(&mut *snapshot)).await?;
    Ok(Sound { log, payloads })
}
