//! The rows of runs against the fold of their records.

use concordat_engine::ports::{RunRow, StoredRecord, StoredRun};
use concordat_engine::{fold, row};

use super::asked::{Asked, Asks, Bound, asked};
use super::look::short;
use super::{CannotExamine, Difference, Examined, unfolded};
use crate::row::{Cells, Columns, PayloadColumns, RecordColumns, Unsealed, run_of};
use crate::run_payloads::Wanted;

/// Runs begin with their receipt. What has a row and no receipt comes with them.
const RUNS: Asked = Asked {
    sqlite: "
        SELECT id FROM (SELECT subject AS id FROM record WHERE subject > ?1 AND subject_seq = 0 AND subject GLOB 'run_*'
        UNION SELECT id FROM run WHERE id > ?1) ORDER BY id LIMIT 1000",
    postgres: "
        SELECT id FROM (SELECT subject AS id FROM record WHERE subject > $1 AND subject_seq = 0 AND subject LIKE 'run\\_%'
        UNION SELECT id FROM run WHERE id > $1) AS runs ORDER BY id LIMIT 1000",
};

const RECORDS: Asked = asked!("SELECT idx, leaf, body FROM record WHERE subject = ", " ORDER BY subject_seq");

const PAYLOAD: Asked = Asked {
    sqlite: "
        SELECT digest, body, NULL AS secret FROM payload WHERE digest = ?1
        UNION ALL
        SELECT digest, body, secret FROM sealed JOIN vault USING (owner) WHERE digest = ?1",
    postgres: "
        SELECT digest, body, NULL::bytea AS secret FROM payload WHERE digest = $1
        UNION ALL
        SELECT digest, body, secret FROM sealed JOIN vault USING (owner) WHERE digest = $1",
};

/// The record that says that a run's payloads were forgotten.
const FORGOTTEN: Asked = asked!(
    "SELECT record.id FROM forgotten JOIN record ON record.id = forgotten.record
    WHERE record.type IN ('erasure.executed', 'retention.pruned') AND forgotten.owner = ",
    ""
);

const ROW: Asked = asked!(
    "SELECT id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, received, ended FROM run WHERE id = ",
    ""
);

const FORGET: Asked = asked!("DELETE FROM run WHERE id = ", "");

const WRITE: Asked = Asked {
    sqlite: "
        INSERT INTO run (id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps,
            received, ended)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?)",
    postgres: "
        INSERT INTO run (id, tenant, submission, label, contract, digest, submitter, domain, status, settled, steps,
            received, ended)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, $11::bigint, $12, $13)",
};

/// The columns in the order of the statements, and whether they hold numbers.
const COLUMNS: [(&str, bool); 13] = [
    ("id", false),
    ("tenant", false),
    ("submission", false),
    ("label", false),
    ("contract", false),
    ("digest", false),
    ("submitter", false),
    ("domain", false),
    ("status", false),
    ("settled", true),
    ("steps", true),
    ("received", false),
    ("ended", false),
];

/// Compares every run, and makes rows anew where that is wanted.
pub(super) async fn all<A: Asks>(
    database: &mut A,
    repair: bool,
    examined: &mut Examined,
) -> Result<(), CannotExamine> {
    let mut after = String::new();
    loop {
        let rows = database.many(RUNS, vec![Bound::Text(Some(after.clone()))]).await?;
        for row in &rows {
            let columns = Columns { table: "run", key: after.clone(), row };
            columns.text("id")?.clone_into(&mut after);
            one(database, &after, repair, examined).await?;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

async fn one<A: Asks>(
    database: &mut A,
    id: &str,
    repair: bool,
    examined: &mut Examined,
) -> Result<(), CannotExamine> {
    let before = examined.of_runs;
    let stored = database.many(ROW, vec![text(id)]).await?;
    let stored = stored.first().map(cells);
    let written = match folded(database, id, examined).await? {
        Folded::Run(run) => Some(values(&run)),
        Folded::Nothing => None,
        // A row that cannot be made anew is left as it is.
        Folded::Unknown => return Ok(()),
    };
    let whole = |row: &Option<Values>| if row.is_some() { "a row" } else { "none" }.to_owned();
    match (&stored, &written) {
        (Some(stored), Some(written)) => {
            for (((column, _), stored), written) in COLUMNS.into_iter().zip(stored).zip(written) {
                if stored != written {
                    let shown = |value: &Option<String>| value.as_deref().map_or("none".to_owned(), short);
                    let (stored, written) = (shown(stored), shown(written));
                    examined.differs(Difference {
                        table: "run",
                        row: id.to_owned(),
                        column,
                        stored,
                        written,
                    });
                }
            }
        }
        (None, None) => {}
        _ => examined.differs(Difference {
            table: "run",
            row: id.to_owned(),
            column: "(row)",
            stored: whole(&stored),
            written: whole(&written),
        }),
    }
    if repair && examined.of_runs > before {
        database.many(FORGET, vec![text(id)]).await?;
        if let Some(written) = written {
            database.many(WRITE, written.into_iter().map(Bound::Text).collect()).await?;
        }
        examined.repaired += 1;
    }
    Ok(())
}

/// A row as texts.
type Values = [Option<String>; COLUMNS.len()];

enum Folded {
    Run(Box<RunRow>),
    /// There are no records, so there is no run.
    Nothing,
    /// The records or their payloads are not what a run is made from.
    Unknown,
}

async fn folded<A: Asks>(
    database: &mut A,
    id: &str,
    examined: &mut Examined,
) -> Result<Folded, CannotExamine> {
    let rows = database.many(RECORDS, vec![text(id)]).await?;
    if rows.is_empty() {
        return Ok(Folded::Nothing);
    }
    examined.runs += 1;
    // Records that cannot be read were named when they were looked at.
    let records: Result<Vec<StoredRecord>, _> =
        rows.iter().map(|row| RecordColumns(row).try_into()).collect();
    let Ok(Ok(mut run)) = records.map(|records| run_of(id, records)) else { return Ok(Folded::Unknown) };
    let absent = payloads(database, &mut run).await?;
    if absent > 0 && !database.many(FORGOTTEN, vec![text(id)]).await?.is_empty() {
        examined.forgotten += 1;
        return Ok(Folded::Unknown);
    }
    examined.absent += absent;
    match fold(&run) {
        Ok(folded) => Ok(Folded::Run(Box::new(row(&folded)))),
        Err(error) => {
            examined.differs(unfolded(id, &error));
            Ok(Folded::Unknown)
        }
    }
}

/// Adds the payloads that a run names, and counts those that are not stored.
async fn payloads<A: Asks>(database: &mut A, run: &mut StoredRun) -> Result<u64, CannotExamine> {
    let Ok(Some(wanted)) = Wanted::by(std::slice::from_ref(run)) else { return Ok(0) };
    let mut absent = 0;
    for digest in &wanted.digests {
        let rows = database.many(PAYLOAD, vec![Bound::Bytes(digest.bytes().to_vec())]).await?;
        match rows.first().map(|row| Unsealed::try_from(PayloadColumns(row))) {
            Some(Ok(kept)) => run.payloads.push(kept.payload),
            // It was named when payloads were looked at.
            Some(Err(_)) => {}
            None => absent += 1,
        }
    }
    Ok(absent)
}

fn text(id: &str) -> Bound {
    Bound::Text(Some(id.to_owned()))
}

/// The row as it is stored; what cannot be read is shown as none.
fn cells<R: Cells>(row: &R) -> Values {
    COLUMNS.map(|(column, is_number)| {
        if is_number {
            row.integer(column).ok().flatten().map(|number| number.to_string())
        } else {
            row.text(column).ok().flatten().map(str::to_owned)
        }
    })
}

/// The row as the records say that it is.
fn values(run: &RunRow) -> Values {
    [
        Some(run.id.to_string()),
        Some(run.tenant.to_string()),
        Some(run.submission.to_string()),
        Some(run.label.to_string()),
        Some(run.contract.to_string()),
        Some(run.digest.to_string()),
        Some(run.submitter.to_string()),
        run.domain.as_ref().map(ToString::to_string),
        Some(run.status.clone()),
        Some(run.settled.to_string()),
        Some(run.steps.to_string()),
        Some(run.received.to_string()),
        run.ended.map(|ended| ended.to_string()),
    ]
}
