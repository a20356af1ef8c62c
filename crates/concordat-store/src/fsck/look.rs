//! The tables one after another, a thousand rows at a time.

use concordat_ledger::Record;

use super::asked::{Asked, Asks, Bound, asked};
use super::{CannotExamine, Difference, Examined, runs};
use crate::row::{Cells, Columns, PayloadColumns, Unsealed};

const RECORDS: Asked = asked!(
    "SELECT idx, id, type, subject, subject_seq, time, leaf, body FROM record WHERE idx >= ",
    " ORDER BY idx LIMIT 1000"
);

const CHECKPOINTS: Asked =
    asked!("SELECT size, note FROM checkpoint WHERE size > ", " ORDER BY size LIMIT 1000");

const PAYLOADS: Asked =
    asked!("SELECT digest, body, NULL AS secret FROM payload WHERE digest > ", " ORDER BY digest LIMIT 100");

/// What was forgotten cannot be read, so there is nothing to compare.
const SEALED: Asked = asked!(
    "SELECT digest, body, secret FROM sealed JOIN vault USING (owner) WHERE digest > ",
    " ORDER BY digest LIMIT 100"
);

/// Examines all tables, and repairs the rows of runs where that is wanted.
pub(super) async fn all<A: Asks>(
    database: &mut A,
    repair: bool,
    mut examined: Examined,
) -> Result<Examined, CannotExamine> {
    records(database, &mut examined).await?;
    checkpoints(database, &mut examined).await?;
    payloads(database, PAYLOADS, &mut examined).await?;
    payloads(database, SEALED, &mut examined).await?;
    runs::all(database, repair, &mut examined).await?;
    Ok(examined)
}

async fn records<A: Asks>(database: &mut A, examined: &mut Examined) -> Result<(), CannotExamine> {
    // Below 0 nothing is ever written, and what stands there is still found.
    let mut from = i64::MIN;
    loop {
        let rows = database.many(RECORDS, vec![Bound::Number(from)]).await?;
        for row in &rows {
            let index = number(row, "idx");
            record(row, index, examined)?;
            examined.records += 1;
            from = index.saturating_add(1);
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

fn record<R: Cells>(row: &R, index: i64, examined: &mut Examined) -> Result<(), CannotExamine> {
    let columns = Columns { table: "record", key: index.to_string(), row };
    let mut differs = |column, stored: String, written: String| {
        let row = index.to_string();
        examined.differs(Difference { table: "record", row, column, stored: short(&stored), written });
    };
    let read = match Record::read(columns.bytes("body")?) {
        Ok(read) => read,
        Err(why) => {
            differs("body", String::new(), why.to_string());
            return Ok(());
        }
    };
    for (column, written) in
        [("id", read.id()), ("type", read.kind()), ("subject", read.subject()), ("time", read.time())]
    {
        let stored = columns.text(column)?;
        if stored != written {
            differs(column, stored.to_owned(), written.to_owned());
        }
    }
    let (stored, written) = (number(row, "subject_seq"), read.subject_seq().get());
    if u64::try_from(stored) != Ok(written) {
        differs("subject_seq", stored.to_string(), written.to_string());
    }
    let leaf = columns.bytes("leaf")?;
    if leaf != read.leaf().as_bytes() {
        differs("leaf", hex(leaf), hex(read.leaf().as_bytes()));
    }
    Ok(())
}

async fn checkpoints<A: Asks>(database: &mut A, examined: &mut Examined) -> Result<(), CannotExamine> {
    let mut after = i64::MIN;
    loop {
        let rows = database.many(CHECKPOINTS, vec![Bound::Number(after)]).await?;
        for row in &rows {
            after = number(row, "size");
            let columns = Columns { table: "checkpoint", key: after.to_string(), row };
            let signed = columns.text("note")?.split('\n').nth(1).unwrap_or_default();
            if signed != after.to_string() {
                examined.differs(Difference {
                    table: "checkpoint",
                    row: after.to_string(),
                    column: "size",
                    stored: after.to_string(),
                    written: short(signed),
                });
            }
            examined.checkpoints += 1;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

async fn payloads<A: Asks>(
    database: &mut A,
    asked: Asked,
    examined: &mut Examined,
) -> Result<(), CannotExamine> {
    let mut after = Vec::new();
    loop {
        let rows = database.many(asked, vec![Bound::Bytes(after.clone())]).await?;
        for row in &rows {
            let columns = Columns { table: "payload", key: String::new(), row };
            columns.bytes("digest")?.clone_into(&mut after);
            if let Err(why) = Unsealed::try_from(PayloadColumns(row)) {
                let (row, stored) = (hex(&after), hex(&after));
                let written = why.to_string();
                examined.differs(Difference { table: "payload", row, column: "digest", stored, written });
            }
            examined.payloads += 1;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

/// A number that is there always, since its column has it so.
fn number<R: Cells>(row: &R, column: &str) -> i64 {
    row.integer(column).ok().flatten().unwrap_or(i64::MAX)
}

/// Enough of a text to recognise it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
