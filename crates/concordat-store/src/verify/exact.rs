//! Row by row, so that what is wrong is named exactly.

use concordat_ledger::tree::Hash;
use concordat_ledger::verify::{Columns, Entry, Stored, Verify};
use futures_util::{Stream, TryStreamExt as _};

use super::Unsound;
use crate::row::{Cells, PayloadColumns, Unsealed};

/// Verifies every record, in the order of the log, and every checkpoint that one of them completes.
pub(super) async fn records<R: Cells>(
    mut rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
    mut verify: Verify,
) -> Result<Verify, Unsound> {
    while let Some(row) = rows.try_next().await? {
        let table = Table { name: "record", key: "row", row: &row };
        verify = record(&table, verify)?;
        let table = Table { name: "checkpoint", key: "checkpoint_row", row: &row };
        if let Some(size) = table.value(row.integer("size"))? {
            verify = checkpoint(&table, size, verify)?;
        }
    }
    Ok(verify)
}

/// Checkpoints that no record completes: there should be none, so the verifier will say what that means.
pub(super) async fn checkpoints<R: Cells>(
    mut rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
    mut verify: Verify,
) -> Result<Verify, Unsound> {
    while let Some(row) = rows.try_next().await? {
        let table = Table { name: "checkpoint", key: "checkpoint_row", row: &row };
        verify = checkpoint(&table, table.some(row.integer("size"))?, verify)?;
    }
    Ok(verify)
}

/// Verifies every payload, and counts them.
pub(super) async fn payloads<R: Cells>(
    mut rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
) -> Result<u64, Unsound> {
    let mut payloads = 0;
    while let Some(row) = rows.try_next().await? {
        let table = Table { name: "payload", key: "row", row: &row };
        let kept = Unsealed::try_from(PayloadColumns(&row));
        kept.map_err(|_| Unsound::Payload { stored: table.row() })?;
        payloads += 1;
    }
    Ok(payloads)
}

fn record<R: Cells>(table: &Table<'_, R>, verify: Verify) -> Result<Verify, Unsound> {
    Ok(verify.record(&entry(table)?)?)
}

/// The record of a row, and what stands beside it.
pub(super) fn entry<'a, R: Cells>(table: &Table<'a, R>) -> Result<Entry<'a>, Unsound> {
    let row = table.row;
    let bytes = table.value(row.bytes("body"))?;
    let number = |column| {
        let number = table.some(row.integer(column))?;
        u64::try_from(number).map_err(|error| table.odd(&error))
    };
    let index = number("idx")?;
    let columns = Columns {
        id: table.some(row.text("id"))?,
        // Nobody looks for it, so it has no column.
        source: None,
        kind: table.some(row.text("type"))?,
        subject: table.some(row.text("subject"))?,
        subject_seq: number("subject_seq")?,
        time: table.some(row.text("time"))?,
    };
    let leaf = Hash::try_from(table.value(row.bytes("leaf"))?).map_err(|error| table.odd(&error))?;
    Ok(Entry { index, bytes, stored: Some(Stored { leaf, columns }) })
}

fn checkpoint<R: Cells>(table: &Table<'_, R>, size: i64, verify: Verify) -> Result<Verify, Unsound> {
    Ok(verify.checkpoint(note(table, size)?.as_bytes())?)
}

/// The checkpoint of a row, which must be of the size under which it is stored.
pub(super) fn note<'a, R: Cells>(table: &Table<'a, R>, size: i64) -> Result<&'a str, Unsound> {
    let note = table.some(table.row.text("note"))?;
    if note.split('\n').nth(1) != Some(size.to_string().as_str()) {
        return Err(Unsound::Misplaced { size });
    }
    Ok(note)
}

/// A row, and how a complaint names it.
pub(super) struct Table<'a, R> {
    pub(super) name: &'static str,
    /// The column that holds the row's key as text.
    pub(super) key: &'static str,
    pub(super) row: &'a R,
}

impl<R: Cells> Table<'_, R> {
    pub(super) fn value<T>(&self, cell: sqlx::Result<T>) -> Result<T, Unsound> {
        cell.map_err(|error| self.odd(&error))
    }

    fn some<T>(&self, cell: sqlx::Result<Option<T>>) -> Result<T, Unsound> {
        self.value(cell)?.ok_or_else(|| self.odd(&"it has no value"))
    }

    fn odd(&self, why: &dyn std::fmt::Display) -> Unsound {
        Unsound::Unreadable { table: self.name, row: self.row(), why: why.to_string() }
    }

    fn row(&self) -> String {
        self.row.text(self.key).ok().flatten().unwrap_or_default().to_owned()
    }
}
