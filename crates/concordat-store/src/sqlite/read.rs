//! Everything that is asked and changes nothing.
//!
//! A statement costs some 60 µs whatever it does, so what is needed for many runs is asked for many runs at once,
//! and the records of a run come as one row.

use std::collections::HashSet;

use concordat_engine::ports::{
    Page, RecordFilter, RunFilter, RunRow, SavedReply, StoreError, StoredCheckpoint, StoredRecord, StoredRun,
};
use concordat_ledger::Record;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

use super::row::{CheckpointColumns, Columns, RecordColumns, ReplyColumns, RunColumns};
use super::run_payloads;

/// Payloads that are asked for in one statement.
const PAYLOADS_AT_ONCE: usize = 4096;

/// Bodies have no line ends, since canonical JSON escapes them; so a run's records are the lines of one text.
const OPEN_RUNS: &str = "
    SELECT
        run.id AS run,
        group_concat(record.idx, ' ') AS indices,
        CAST(group_concat(CAST(record.body AS TEXT), char(10)) AS BLOB) AS bodies
    FROM run INDEXED BY run_open
    CROSS JOIN record ON record.subject = run.id
    WHERE run.ended IS NULL
    GROUP BY run.id
    ORDER BY run.id
";

const RUN: &str = "
    SELECT
        run.id AS run,
        group_concat(record.idx, ' ') AS indices,
        CAST(group_concat(CAST(record.body AS TEXT), char(10)) AS BLOB) AS bodies
    FROM run
    CROSS JOIN record ON record.subject = run.id
    WHERE run.id = ?
    GROUP BY run.id
";

const PAYLOADS: &str = "
    SELECT
        payload.digest,
        payload.body
    FROM json_each(?) AS wanted
    CROSS JOIN payload ON payload.digest = unhex(substr(wanted.value, 8))
";

/// Every id is less than a tilde, so a page without a beginning needs no statement of its own.
macro_rules! runs_where {
    ($filter:literal) => {
        concat!(
            "SELECT id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, ",
            "received, ended FROM run WHERE ",
            $filter,
            " AND id < coalesce(?2, '~') AND (?3 IS NULL OR status = ?3) ",
            "AND (?4 IS NULL OR tenant = ?4) ORDER BY id DESC LIMIT ?5"
        )
    };
}

/// One statement for each index that can lead the way, since SQLite plans before it sees what is asked.
const RUNS: &str = runs_where!("?1 IS NULL");
const RUNS_OF_TENANT: &str = runs_where!("tenant = ?1");
const RUNS_OF_SUBMISSION: &str = runs_where!("submission = ?1");

macro_rules! records_where {
    ($table:literal, $filter:literal, $order:literal) => {
        concat!(
            "SELECT idx, leaf, body FROM ",
            $table,
            " WHERE ",
            $filter,
            " AND idx >= ?2 AND (?3 = '[]' OR type IN (SELECT value FROM json_each(?3))) ORDER BY ",
            $order,
            " LIMIT ?4"
        )
    };
}

const RECORDS: &str = records_where!("record", "?1 IS NULL", "idx");
/// Within a subject both orders are the same, and this one has an index.
const RECORDS_OF_SUBJECT: &str = records_where!("record", "subject = ?1", "subject_seq");
/// The condition is the index's own; without it SQLite would not use it.
const RECORDS_OF_RARE_TYPES: &str = records_where!(
    "record INDEXED BY record_of_rare_type",
    "?1 IS NULL AND type NOT GLOB 'step.*' AND type NOT GLOB 'contract.*' AND type <> 'gate.decided'",
    "idx"
);

pub(super) async fn open_runs(readers: &SqlitePool) -> Result<Vec<StoredRun>, StoreError> {
    let mut runs = Vec::new();
    let mut rows = sqlx::query(OPEN_RUNS).fetch(readers);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        runs.push(records_of_run(&row)?);
    }
    drop(rows);
    with_payloads(readers, &mut runs).await?;
    Ok(runs)
}

pub(super) async fn run(readers: &SqlitePool, id: RunId) -> Result<Option<StoredRun>, StoreError> {
    let row = sqlx::query(RUN).bind(id.to_string()).fetch_optional(readers).await.map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let mut runs = [records_of_run(&row)?];
    with_payloads(readers, &mut runs).await?;
    let [run] = runs;
    Ok(Some(run))
}

pub(super) async fn runs(
    readers: &SqlitePool,
    filter: &RunFilter,
    page: Page,
) -> Result<Vec<RunRow>, StoreError> {
    let tenant = filter.tenant.as_ref().map(ToString::to_string);
    let (statement, leading) = match (&filter.submission, &tenant) {
        (Some(submission), _) => (RUNS_OF_SUBMISSION, Some(submission.to_string())),
        (None, Some(tenant)) => (RUNS_OF_TENANT, Some(tenant.clone())),
        (None, None) => (RUNS, None),
    };
    let query = sqlx::query(statement)
        .bind(leading)
        .bind(filter.before.map(|run| run.to_string()))
        .bind(filter.status.clone())
        .bind(tenant)
        .bind(page.rows());
    let rows = query.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RunColumns(row).try_into()).collect()
}

pub(super) async fn records(
    readers: &SqlitePool,
    filter: &RecordFilter,
    page: Page,
) -> Result<Vec<StoredRecord>, StoreError> {
    let statement = match &filter.subject {
        Some(_) => RECORDS_OF_SUBJECT,
        None if !filter.types.is_empty() && filter.types.iter().all(|kind| rare(kind)) => {
            RECORDS_OF_RARE_TYPES
        }
        None => RECORDS,
    };
    let Ok(from) = i64::try_from(filter.from) else { return Ok(Vec::new()) };
    let types =
        serde_json::to_string(&filter.types).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let query = sqlx::query(statement).bind(filter.subject.clone()).bind(from).bind(types).bind(page.rows());
    let rows = query.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RecordColumns(row).try_into()).collect()
}

/// Whether records of this type are few enough for an index; see the migration.
fn rare(kind: &str) -> bool {
    !kind.starts_with("step.") && !kind.starts_with("contract.") && kind != "gate.decided"
}

pub(super) async fn record(readers: &SqlitePool, id: &str) -> Result<Option<StoredRecord>, StoreError> {
    let query = sqlx::query("SELECT idx, leaf, body FROM record WHERE id = ?").bind(id.to_owned());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| RecordColumns(&row).try_into()).transpose()
}

pub(super) async fn payload(readers: &SqlitePool, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let query =
        sqlx::query("SELECT digest, body FROM payload WHERE digest = ?").bind(digest.bytes().to_vec());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| content(&row).map(|(_, body)| body)).transpose()
}

pub(super) async fn reply(
    readers: &SqlitePool,
    caller: &str,
    key: &str,
) -> Result<Option<SavedReply>, StoreError> {
    let query = sqlx::query("SELECT caller, key, fingerprint, body FROM reply WHERE caller = ? AND key = ?")
        .bind(caller.to_owned())
        .bind(key.to_owned());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| ReplyColumns(&row).try_into()).transpose()
}

pub(super) async fn checkpoint(readers: &SqlitePool) -> Result<Option<StoredCheckpoint>, StoreError> {
    let query = sqlx::query("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1");
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| CheckpointColumns(&row).try_into()).transpose()
}

fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolClosed => StoreError::Unavailable("the store is closed".into()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// A run from the row that holds all its records.
fn records_of_run(row: &SqliteRow) -> Result<StoredRun, StoreError> {
    let key = row.try_get("run").unwrap_or_default();
    let columns = Columns { table: "record", key, row };
    let id = columns.parsed("run")?;
    let indices = columns.text("indices")?.split(' ');
    let mut bodies = columns.bytes("bodies")?.split(|byte| *byte == b'\n');
    let mut records = Vec::new();
    for index in indices {
        let index: u64 = index.parse().map_err(|error| columns.odd("idx", &error))?;
        let body = bodies.next().ok_or_else(|| columns.odd("body", &"a record has no bytes"))?;
        let record = Record::read(body).map_err(|error| columns.odd("body", &error))?;
        if record.subject() != columns.key {
            return Err(columns.odd("subject", &"a record's bytes name another subject"));
        }
        records.push(StoredRecord { index, record });
    }
    if bodies.next().is_some() {
        return Err(columns.odd("body", &"a record has a line end in its bytes"));
    }
    let gap = records.iter().zip(0..).any(|(stored, seq)| stored.record.subject_seq().get() != seq);
    if gap {
        return Err(columns.odd("subject_seq", &"the run's records have a gap or are out of order"));
    }
    Ok(StoredRun { id, records, payloads: Vec::new() })
}

/// Adds the payloads that the runs' records name. One that was erased is left out.
async fn with_payloads(readers: &SqlitePool, runs: &mut [StoredRun]) -> Result<(), StoreError> {
    let mut rest = runs;
    while !rest.is_empty() {
        let mut wanted = Vec::new();
        let mut ends = Vec::new();
        for run in rest.iter() {
            wanted.extend(named_by(run)?);
            ends.push(wanted.len());
            if wanted.len() >= PAYLOADS_AT_ONCE {
                break;
            }
        }
        let (now, later) = rest.split_at_mut(ends.len());
        hand_out(readers, &wanted, &ends, now).await?;
        rest = later;
    }
    Ok(())
}

fn named_by(run: &StoredRun) -> Result<HashSet<Digest>, StoreError> {
    let mut all = HashSet::new();
    for stored in &run.records {
        let named = run_payloads::named(&stored.record).map_err(|error| StoreError::Inconsistent {
            table: "record",
            column: "body",
            row: stored.index.to_string(),
            why: error.to_string(),
        })?;
        all.extend(named);
    }
    Ok(all)
}

/// Asks for the payloads of several runs at once; `ends` says how many of them are wanted up to each run.
async fn hand_out(
    readers: &SqlitePool,
    wanted: &[Digest],
    ends: &[usize],
    runs: &mut [StoredRun],
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let asked = serde_json::to_string(wanted).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut rows = sqlx::query(PAYLOADS).bind(asked).fetch(readers);
    let mut waiting = wanted.iter().enumerate();
    let mut takers = ends.iter().zip(runs).peekable();
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        let (digest, body) = content(&row)?;
        // Rows come in the order in which they were asked for; those that are not stored are missing in between.
        let Some((place, _)) = waiting.find(|(_, wanted)| **wanted == digest) else { break };
        while takers.peek().is_some_and(|(end, _)| place >= **end) {
            takers.next();
        }
        let Some((_, run)) = takers.peek_mut() else { break };
        run.payloads.push((digest, body));
    }
    Ok(())
}

fn content(row: &SqliteRow) -> Result<(Digest, Vec<u8>), StoreError> {
    let columns = Columns { table: "payload", key: String::new(), row };
    let (stored, body) = (columns.bytes("digest")?, columns.bytes("body")?);
    let digest = Digest::of(body);
    if digest.bytes() != stored {
        return Err(
            Columns { key: digest.to_string(), ..columns }.odd("digest", &"the content has another digest")
        );
    }
    Ok((digest, body.to_vec()))
}
