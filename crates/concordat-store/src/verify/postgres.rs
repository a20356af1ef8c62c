//! What a verification asks PostgreSQL.

use concordat_ledger::verify::Verify;
use sqlx::Connection as _;

use super::{Sound, Unsound, Watch, exact, rows};
use crate::database::Address;
use crate::postgres::reading_alone;

/// Each record with the checkpoint that it completes.
const LOG: &str = "
    SELECT
        record.idx::text AS row,
        record.idx,
        record.id,
        record.type,
        record.subject,
        record.subject_seq,
        record.time,
        record.leaf,
        record.body,
        checkpoint.size::text AS checkpoint_row,
        checkpoint.size,
        checkpoint.note
    FROM record
    LEFT JOIN checkpoint ON checkpoint.size = record.idx + 1
    ORDER BY record.idx
";

/// Checkpoints that no record completes.
const ASTRAY: &str = "
    SELECT size::text AS checkpoint_row, size, note FROM checkpoint
    WHERE NOT EXISTS (SELECT FROM record WHERE record.idx = checkpoint.size - 1)
    ORDER BY size
";

/// What was forgotten cannot be read, so there is nothing to verify.
const PAYLOADS: &str = "
    SELECT encode(digest, 'hex') AS row, digest, body, NULL::bytea AS secret FROM payload
    UNION ALL
    SELECT encode(digest, 'hex') AS row, digest, body, secret FROM sealed JOIN vault USING (owner)
";

/// Verifies a database of a server.
pub(super) async fn server(address: &Address, verify: Verify, watch: Watch<'_>) -> Result<Sound, Unsound> {
    let mut connection = reading_alone(&address.0).await?;
    // The session's transactions are repeatable reads: one snapshot.
    let mut snapshot = connection.begin().await?;
    // Many rows at a time on all cores; only a log that is not right so is read again row by row, to say where.
    let verify = match rows::records(sqlx::query(LOG).fetch(&mut *snapshot), verify.clone(), watch).await {
        Some(verify) => verify,
        None => exact::records(sqlx::query(LOG).fetch(&mut *snapshot), verify).await?,
    };
    let verify = exact::checkpoints(sqlx::query(ASTRAY).fetch(&mut *snapshot), verify).await?;
    let payloads = exact::payloads(sqlx::query(PAYLOADS).fetch(&mut *snapshot)).await?;
    Ok(Sound { log: verify.finish()?, payloads })
}
