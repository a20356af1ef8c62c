//! Everything that is asked and changes nothing.

use std::ops::Range;

use concordat_engine::ports::{
    OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, StoreError, StoredCheckpoint,
    StoredRecord, StoredRun,
};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use futures_util::TryStreamExt as _;
use sqlx::{PgPool, Row as _};

use super::log_rows::LEAVES;
use crate::batch::number;
use crate::row::{
    Cells, CheckpointColumns, Columns, PayloadColumns, RecordColumns, ReplyColumns, RunColumns, Unsealed,
    run_of,
};
use crate::run_payloads::Wanted;

const OPEN_RUNS: &str = "
    SELECT
        run.id AS run,
        record.idx,
        record.leaf,
        record.body
    FROM run
    JOIN record ON record.subject = run.id
    WHERE run.ended IS NULL
    ORDER BY run.id, record.subject_seq
";

const RUN: &str = "
    SELECT
        run.id AS run,
        record.idx,
        record.leaf,
        record.body
    FROM run
    JOIN record ON record.subject = run.id
    WHERE run.id = $1
    ORDER BY run.id, record.subject_seq
";

const PAYLOADS: &str = "
    SELECT
        wanted.digest,
        coalesce(payload.body, sealed.body) AS body,
        vault.secret
    FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (digest, place)
    LEFT JOIN payload ON payload.digest = wanted.digest
    LEFT JOIN sealed ON sealed.digest = wanted.digest
    LEFT JOIN vault ON vault.owner = sealed.owner
    WHERE payload.digest IS NOT NULL OR vault.owner IS NOT NULL
    ORDER BY wanted.place
";

const PAYLOAD: &str = "
    SELECT digest, body, NULL::bytea AS secret FROM payload WHERE digest = $1
    UNION ALL
    SELECT digest, body, secret FROM sealed JOIN vault USING (owner) WHERE digest = $1
";

const STORED: &str = "
    SELECT 'sha256:' || encode(wanted.digest, 'hex') AS digest
    FROM unnest($1::bytea[]) AS wanted (digest)
    WHERE EXISTS (SELECT FROM payload WHERE payload.digest = wanted.digest)
        OR EXISTS (SELECT FROM sealed JOIN vault USING (owner) WHERE sealed.digest = wanted.digest)
";

const WITHIN: &str = "
    SELECT min(idx) AS first, max(idx) + 1 AS end
    FROM record
    WHERE ($1::text IS NULL OR time COLLATE \"C\" >= $1)
        AND ($2::text IS NULL OR time COLLATE \"C\" < $2)
";

const RUNS: &str = "
    SELECT
        id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, received, ended
    FROM run
    WHERE ($1::text IS NULL OR submission = $1)
        AND ($2::text IS NULL OR tenant = $2)
        AND (cardinality($3::text[]) = 0 OR status = ANY ($3))
        AND ($4::text IS NULL OR id < $4)
        AND ($6::text IS NULL OR submitter = $6)
        AND ($7::text IS NULL OR label = $7)
    ORDER BY id DESC
    LIMIT $5
";

macro_rules! records_where {
    ($filter:literal, $order:literal) => {
        concat!(
            "SELECT idx, leaf, body FROM record WHERE idx >= $1 ",
            "AND (cardinality($2::text[]) = 0 OR type = ANY ($2)) AND ($3::text IS NULL OR subject = $3) ",
            $filter,
            " ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

const RECORDS: &str = records_where!("", "idx");
/// Within a subject both orders are the same, and this one has an index.
const RECORDS_OF_SUBJECT: &str = records_where!("AND subject = $3", "subject_seq");
/// The condition is the index's own; without it PostgreSQL would not use it.
const RECORDS_OF_RARE_TYPES: &str = records_where!(
    "AND type NOT LIKE 'step.%' AND type NOT LIKE 'contract.%' AND type <> 'gate.decided'",
    "idx"
);

const OWNERS: &str = "
    SELECT owner
    FROM vault
    WHERE tenant = $1
        AND ($2::bytea IS NULL OR subject = $2)
        AND owner > $3
        AND owner < $4
        AND (
            $5::text IS NULL
            OR owner NOT LIKE 'run\\_%'
            OR EXISTS (SELECT FROM run WHERE run.id = owner AND ended COLLATE \"C\" < $5)
        )
    ORDER BY owner
    LIMIT $6
";

pub(super) async fn open_runs(readers: &PgPool) -> Result<Vec<StoredRun>, StoreError> {
    let mut runs = Vec::new();
    let mut subject = String::new();
    let mut records: Vec<StoredRecord> = Vec::new();
    let mut rows = sqlx::query(OPEN_RUNS).fetch(readers);
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        let columns = Columns { table: "record", key: subject.clone(), row: &row };
        let run = columns.text("run")?;
        if run != subject && !records.is_empty() {
            runs.push(run_of(&subject, std::mem::take(&mut records))?);
        }
        if run != subject {
            run.clone_into(&mut subject);
        }
        records.push(RecordColumns(&row).try_into()?);
    }
    drop(rows);
    if !records.is_empty() {
        runs.push(run_of(&subject, records)?);
    }
    with_payloads(readers, &mut runs).await?;
    Ok(runs)
}

pub(super) async fn run(readers: &PgPool, id: RunId) -> Result<Option<StoredRun>, StoreError> {
    let subject = id.to_string();
    let rows = sqlx::query(RUN).bind(subject.as_str()).fetch_all(readers).await.map_err(unavailable)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let records: Result<_, StoreError> = rows.iter().map(|row| RecordColumns(row).try_into()).collect();
    let mut runs = [run_of(&subject, records?)?];
    with_payloads(readers, &mut runs).await?;
    let [run] = runs;
    Ok(Some(run))
}

pub(super) async fn runs(
    readers: &PgPool,
    filter: &RunFilter,
    page: Page,
) -> Result<Vec<RunRow>, StoreError> {
    // What PostgreSQL cannot even be asked for, no run has.
    let statuses: Vec<&str> =
        filter.statuses.iter().map(String::as_str).filter(|word| !unthinkable(word)).collect();
    if statuses.is_empty() && !filter.statuses.is_empty() {
        return Ok(Vec::new());
    }
    // What is asked differs much from time to time, so it is planned each time.
    let query = sqlx::query(RUNS)
        .bind(filter.submission.map(|submission| submission.to_string()))
        .bind(filter.tenant.as_ref().map(ToString::to_string))
        .bind(statuses)
        .bind(filter.before.map(|run| run.to_string()))
        .bind(i64::from(page.rows()))
        .bind(filter.submitter.as_ref().map(ToString::to_string))
        .bind(filter.label.as_ref().map(ToString::to_string));
    let rows = query.persistent(false).fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RunColumns(row).try_into()).collect()
}

pub(crate) async fn records(
    readers: &PgPool,
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
    if filter.types.iter().chain(&filter.subject).any(|text| unthinkable(text)) {
        return Ok(Vec::new());
    }
    let query = sqlx::query(statement)
        .bind(from)
        .bind(filter.types.as_slice())
        .bind(filter.subject.as_deref())
        .bind(i64::from(page.rows()));
    let rows = query.persistent(false).fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| RecordColumns(row).try_into()).collect()
}

/// Whether records of this type are few enough for an index; see the migration.
fn rare(kind: &str) -> bool {
    !kind.starts_with("step.") && !kind.starts_with("contract.") && kind != "gate.decided"
}

pub(super) async fn record(readers: &PgPool, id: &str) -> Result<Option<StoredRecord>, StoreError> {
    if unthinkable(id) {
        return Ok(None);
    }
    let query = sqlx::query("SELECT idx, leaf, body FROM record WHERE id = $1").bind(id);
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| RecordColumns(&row).try_into()).transpose()
}

pub(crate) async fn payload(readers: &PgPool, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query(PAYLOAD).bind(digest.bytes().as_slice());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| PayloadColumns(&row).try_into().map(|kept: Unsealed| kept.payload.1)).transpose()
}

pub(super) async fn owners(
    readers: &PgPool,
    filter: &OwnerFilter,
    page: Page,
) -> Result<Vec<String>, StoreError> {
    let OwnerFilter { tenant, subject, between: (after, before), ended_before } = filter;
    let query = sqlx::query_scalar(OWNERS)
        .bind(tenant.to_string())
        .bind(subject.as_deref().map(str::as_bytes))
        .bind(after.as_str())
        .bind(before.as_str())
        .bind(ended_before.map(|ended| ended.to_string()))
        .bind(i64::from(page.rows()));
    query.persistent(false).fetch_all(readers).await.map_err(unavailable)
}

pub(crate) async fn forgotten(readers: &PgPool, owner: &str) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT record FROM forgotten WHERE owner = $1").bind(owner);
    query.fetch_optional(readers).await.map_err(unavailable)
}

pub(super) async fn reply(
    readers: &PgPool,
    caller: &str,
    key: &str,
) -> Result<Option<SavedReply>, StoreError> {
    let query =
        sqlx::query("SELECT caller, key, fingerprint, body FROM reply WHERE caller = $1 AND key = $2")
            .bind(caller.as_bytes())
            .bind(key.as_bytes());
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| ReplyColumns(&row).try_into()).transpose()
}

pub(crate) async fn checkpoint(readers: &PgPool) -> Result<Option<StoredCheckpoint>, StoreError> {
    let query = sqlx::query("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1");
    let row = query.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| CheckpointColumns(&row).try_into()).transpose()
}

pub(crate) async fn checkpoint_from(
    readers: &PgPool,
    size: u64,
) -> Result<Option<StoredCheckpoint>, StoreError> {
    let query = sqlx::query("SELECT size, note FROM checkpoint WHERE size >= $1 ORDER BY size LIMIT 1");
    let row = query.bind(number(size)).fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| CheckpointColumns(&row).try_into()).transpose()
}

/// Times are texts of one form, so that their order is that of time.
pub(crate) async fn within(
    readers: &PgPool,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Option<Range<u64>>, StoreError> {
    let query = sqlx::query(WITHIN).bind(from).bind(to).persistent(false);
    range(&query.fetch_one(readers).await.map_err(unavailable)?)
}

pub(crate) async fn stored(readers: &PgPool, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
    let asked: Vec<[u8; 32]> = digests.iter().map(|digest| *digest.bytes()).collect();
    let rows = sqlx::query(STORED).bind(asked).fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(|row| Columns { table: "payload", key: String::new(), row }.parsed("digest")).collect()
}

/// The hashes of a range of records, end to end.
pub(crate) async fn leaves(readers: &PgPool, range: &Range<u64>) -> Result<Vec<u8>, StoreError> {
    let query = sqlx::query(LEAVES).bind(number(range.start)).bind(number(range.end));
    let row = query.fetch_one(readers).await.map_err(unavailable)?;
    Ok(row.try_get::<Option<_>, _>(1).map_err(unavailable)?.unwrap_or_default())
}

/// Whether no text of PostgreSQL can be this one, which it would refuse to look for.
fn unthinkable(text: &str) -> bool {
    text.contains('\0')
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

/// Adds the payloads that the runs' records name. One that was erased is left out.
async fn with_payloads(readers: &PgPool, runs: &mut [StoredRun]) -> Result<(), StoreError> {
    let mut rest = runs;
    while let Some(wanted) = Wanted::by(rest)? {
        let (now, later) = rest.split_at_mut(wanted.runs());
        let asked: Vec<[u8; 32]> = wanted.digests.iter().map(|digest| *digest.bytes()).collect();
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
