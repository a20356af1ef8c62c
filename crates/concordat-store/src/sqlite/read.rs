//! Everything that is asked and changes nothing.
//!
//! A statement costs some 60 µs whatever it does, so what is needed for many runs is asked for many runs at once,
//! and the records of a run come as one row.

use std::ops::Range;

use concordat_engine::ports::{
    OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, StoreError, StoredCheckpoint,
    StoredRecord, StoredRun,
};
use concordat_ledger::Record;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

use super::log_rows::LEAVES;
use crate::batch::number;
use crate::row::{
    Cells, CheckpointColumns, Columns, PayloadColumns, RecordColumns, ReplyColumns, RunColumns, Unsealed,
    run_of,
};
use crate::run_payloads::Wanted;

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
        unhex(substr(wanted.value, 8)) AS digest,
        coalesce(payload.body, sealed.body) AS body,
        vault.secret
    FROM json_each(?) AS wanted
    LEFT JOIN payload ON payload.digest = unhex(substr(wanted.value, 8))
    LEFT JOIN sealed ON sealed.digest = unhex(substr(wanted.value, 8))
    LEFT JOIN vault ON vault.owner = sealed.owner
    WHERE payload.digest IS NOT NULL OR vault.owner IS NOT NULL
    ORDER BY wanted.key
";

const PAYLOAD: &str = "
    SELECT digest, body, NULL AS secret FROM payload WHERE digest = ?1
    UNION ALL
    SELECT digest, body, secret FROM sealed JOIN vault USING (owner) WHERE digest = ?1
";

const STORED: &str = "
    SELECT wanted.value AS digest
    FROM json_each(?) AS wanted
    WHERE EXISTS (SELECT 1 FROM payload WHERE payload.digest = unhex(substr(wanted.value, 8)))
        OR EXISTS (SELECT 1 FROM sealed JOIN vault USING (owner) WHERE digest = unhex(substr(wanted.value, 8)))
";

/// Every id is less than a tilde, so a page without a beginning needs no statement of its own.
macro_rules! runs_where {
    ($filter:literal) => {
        concat!(
            "SELECT id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, ",
            "received, ended FROM run WHERE ",
            $filter,
            " AND id < coalesce(?2, '~') AND (?3 = '[]' OR status IN (SELECT value FROM json_each(?3))) ",
            "AND (?4 IS NULL OR tenant = ?4) AND (?6 IS NULL OR submitter = ?6) AND (?7 IS NULL OR label = ?7) ",
            "ORDER BY id DESC LIMIT ?5"
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

macro_rules! owners_where {
    ($filter:literal) => {
        concat!(
            "SELECT owner FROM vault WHERE tenant = ?1 AND ",
            $filter,
            " AND owner > ?3 AND owner < ?4 AND (?5 IS NULL OR owner NOT GLOB 'run_*' ",
            "OR EXISTS (SELECT 1 FROM run WHERE run.id = owner AND ended < ?5)) ORDER BY owner LIMIT ?6"
        )
    };
}

/// One statement for each index that can lead the way.
const OWNERS: &str = owners_where!("?2 IS NULL");
const OWNERS_OF_SUBJECT: &str = owners_where!("subject = ?2");

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
        .bind(listed(&filter.statuses)?)
        .bind(tenant)
        .bind(page.rows())
        .bind(filter.submitter.as_ref().map(ToString::to_string))
        .bind(filter.label.as_ref().map(ToString::to_string));
    let rows = query.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RunColumns(row).try_into()).collect()
}

pub(crate) async fn records(
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
    let types = listed(&filter.types)?;
    let query = sqlx::query(statement).bind(filter.subject.clone()).bind(from).bind(types).bind(page.rows());
    let rows = query.fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RecordColumns(row).try_into()).collect()
}

/// Words as one parameter, which `json_each` takes apart.
fn listed(words: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(words).map_err(|error| StoreError::Unavailable(error.to_string()))
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

pub(crate) async fn payload(readers: &SqlitePool, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query(PAYLOAD).bind(digest.bytes().to_vec());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| PayloadColumns(&row).try_into().map(|kept: Unsealed| kept.payload.1)).transpose()
}

pub(super) async fn owners(
    readers: &SqlitePool,
    filter: &OwnerFilter,
    page: Page,
) -> Result<Vec<String>, StoreError> {
    let OwnerFilter { tenant, subject, between: (after, before), ended_before } = filter;
    let statement = if subject.is_some() { OWNERS_OF_SUBJECT } else { OWNERS };
    let query = sqlx::query_scalar(statement)
        .bind(tenant.to_string())
        .bind(subject.clone())
        .bind(after.clone())
        .bind(before.clone())
        .bind(ended_before.map(|ended| ended.to_string()))
        .bind(page.rows());
    query.fetch_all(readers).await.map_err(unavailable)
}

pub(crate) async fn forgotten(readers: &SqlitePool, owner: &str) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT record FROM forgotten WHERE owner = ?").bind(owner.to_owned());
    query.fetch_optional(readers).await.map_err(unavailable)
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

pub(crate) async fn checkpoint(readers: &SqlitePool) -> Result<Option<StoredCheckpoint>, StoreError> {
    let query = sqlx::query("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1");
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| CheckpointColumns(&row).try_into()).transpose()
}

pub(crate) async fn checkpoint_from(
    readers: &SqlitePool,
    size: u64,
) -> Result<Option<StoredCheckpoint>, StoreError> {
    let query = sqlx::query("SELECT size, note FROM checkpoint WHERE size >= ? ORDER BY size LIMIT 1");
    let row = query.bind(number(size)).fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| CheckpointColumns(&row).try_into()).transpose()
}

/// Times are texts of one form, so that their order is that of time.
pub(crate) async fn within(
    readers: &SqlitePool,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Option<Range<u64>>, StoreError> {
    let statement = match (from, to) {
        (None, None) => "SELECT min(idx) AS first, max(idx) + 1 AS end FROM record",
        _ => {
            "SELECT min(idx) AS first, max(idx) + 1 AS end FROM record \
             WHERE time >= coalesce(?1, '') AND time < coalesce(?2, '~')"
        }
    };
    let mut query = sqlx::query(statement);
    if from.or(to).is_some() {
        query = query.bind(from.map(str::to_owned)).bind(to.map(str::to_owned));
    }
    range(&query.fetch_one(readers).await.map_err(unavailable)?)
}

pub(crate) async fn stored(readers: &SqlitePool, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
    let asked = serde_json::to_string(digests).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let rows = sqlx::query(STORED).bind(asked).fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| Columns { table: "payload", key: String::new(), row }.parsed("digest")).collect()
}

/// The hashes of a range of records, end to end.
pub(crate) async fn leaves(readers: &SqlitePool, range: &Range<u64>) -> Result<Vec<u8>, StoreError> {
    let query = sqlx::query(LEAVES).bind(number(range.start)).bind(number(range.end));
    let row = query.fetch_one(readers).await.map_err(unavailable)?;
    Ok(row.try_get::<Option<_>, _>(1).map_err(unavailable)?.unwrap_or_default())
}

/// Both ends are there, or neither.
fn range<R: Cells>(row: &R) -> Result<Option<Range<u64>>, StoreError> {
    let columns = Columns { table: "record", key: String::new(), row };
    match row.integer("first").map_err(unavailable)? {
        Some(_) => Ok(Some(columns.number("first")?..columns.number("end")?)),
        None => Ok(None),
    }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolClosed => StoreError::Unavailable("the store is closed".into()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// A run from the row that holds all its records.
fn records_of_run(row: &SqliteRow) -> Result<StoredRun, StoreError> {
    let columns = Columns { table: "record", key: String::new(), row };
    let columns = Columns { key: columns.text("run")?.to_owned(), ..columns };
    let indices = columns.text("indices")?.split(' ');
    let mut bodies = columns.bytes("bodies")?.split(|byte| *byte == b'\n');
    let mut records = Vec::new();
    for index in indices {
        let index: u64 = index.parse().map_err(|error| columns.odd("idx", &error))?;
        let body = bodies.next().ok_or_else(|| columns.odd("body", &"a record has no bytes"))?;
        let record = Record::read(body).map_err(|error| columns.odd("body", &error))?;
        records.push(StoredRecord { index, record });
    }
    if bodies.next().is_some() {
        return Err(columns.odd("body", &"a record has a line end in its bytes"));
    }
    run_of(&columns.key, records)
}

/// Adds the payloads that the runs' records name. One that was erased is left out.
async fn with_payloads(readers: &SqlitePool, runs: &mut [StoredRun]) -> Result<(), StoreError> {
    let mut rest = runs;
    while let Some(wanted) = Wanted::by(rest)? {
        let (now, later) = rest.split_at_mut(wanted.runs());
        let asked = serde_json::to_string(&wanted.digests)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut rows = sqlx::query(PAYLOADS).bind(asked).fetch(readers);
        let mut payloads = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(unavailable)? {
            payloads.push(PayloadColumns(&row).try_into()?);
        }
        wanted.hand_out(payloads, now);
        rest = later;
    }
    Ok(())
}
