//! Rows as SQLite gives them, and how they become the engine's types.
//!
//! A row that cannot is an [`StoreError::Inconsistent`] with its place: this program did not write it so.

use std::fmt::Display;
use std::str::FromStr;

use concordat_engine::ports::{RunRow, SavedReply, StoreError, StoredCheckpoint, StoredRecord};
use concordat_ledger::Record;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A row of one table, with the key by which a complaint names it.
pub(super) struct Columns<'a> {
    pub(super) table: &'static str,
    pub(super) key: String,
    pub(super) row: &'a SqliteRow,
}

impl Columns<'_> {
    pub(super) fn odd(&self, column: &'static str, why: &dyn Display) -> StoreError {
        StoreError::Inconsistent { table: self.table, column, row: self.key.clone(), why: why.to_string() }
    }

    pub(super) fn text(&self, column: &'static str) -> Result<&str, StoreError> {
        self.row.try_get(column).map_err(|error| self.odd(column, &error))
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<&[u8], StoreError> {
        self.row.try_get(column).map_err(|error| self.odd(column, &error))
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|error| self.odd(column, &error))
    }

    pub(super) fn optional<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.row.try_get(column).map_err(|error| self.odd(column, &error))?;
        text.map(|text| text.parse().map_err(|error| self.odd(column, &error))).transpose()
    }

    pub(super) fn number<T: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let number: i64 = self.row.try_get(column).map_err(|error| self.odd(column, &error))?;
        T::try_from(number).map_err(|error| self.odd(column, &error))
    }
}

/// A row of the table `record`: `idx`, `leaf` and `body`.
pub(super) struct RecordColumns<'a>(pub(super) &'a SqliteRow);

impl TryFrom<RecordColumns<'_>> for StoredRecord {
    type Error = StoreError;

    fn try_from(RecordColumns(row): RecordColumns<'_>) -> Result<StoredRecord, StoreError> {
        let key = row.try_get("idx").map(|index: i64| index.to_string()).unwrap_or_default();
        let columns = Columns { table: "record", key, row };
        let index = columns.number("idx")?;
        let record = Record::read(columns.bytes("body")?).map_err(|error| columns.odd("body", &error))?;
        if record.leaf().as_bytes() != columns.bytes("leaf")? {
            return Err(columns.odd("leaf", &"the body has another hash"));
        }
        Ok(StoredRecord { index, record })
    }
}

/// A row of the table `run`, all columns.
pub(super) struct RunColumns<'a>(pub(super) &'a SqliteRow);

impl TryFrom<RunColumns<'_>> for RunRow {
    type Error = StoreError;

    fn try_from(RunColumns(row): RunColumns<'_>) -> Result<RunRow, StoreError> {
        let key = row.try_get("id").unwrap_or_default();
        let columns = Columns { table: "run", key, row };
        Ok(RunRow {
            id: columns.parsed("id")?,
            tenant: columns.parsed("tenant")?,
            submission: columns.parsed("submission")?,
            label: columns.parsed("label")?,
            contract: columns.parsed("contract")?,
            digest: columns.parsed("digest")?,
            submitter: columns.parsed("submitter")?,
            domain: columns.optional("domain")?,
            status: columns.text("status")?.to_owned(),
            settled: columns.number("settled")?,
            steps: columns.number("steps")?,
            received: columns.parsed("received")?,
            ended: columns.optional("ended")?,
        })
    }
}

/// A row of the table `reply`, all columns.
pub(super) struct ReplyColumns<'a>(pub(super) &'a SqliteRow);

impl TryFrom<ReplyColumns<'_>> for SavedReply {
    type Error = StoreError;

    fn try_from(ReplyColumns(row): ReplyColumns<'_>) -> Result<SavedReply, StoreError> {
        let key = row.try_get("key").unwrap_or_default();
        let columns = Columns { table: "reply", key, row };
        Ok(SavedReply {
            caller: columns.text("caller")?.to_owned(),
            key: columns.text("key")?.to_owned(),
            fingerprint: columns.parsed("fingerprint")?,
            body: columns.text("body")?.to_owned(),
        })
    }
}

/// A row of the table `checkpoint`, all columns.
pub(super) struct CheckpointColumns<'a>(pub(super) &'a SqliteRow);

impl TryFrom<CheckpointColumns<'_>> for StoredCheckpoint {
    type Error = StoreError;

    fn try_from(CheckpointColumns(row): CheckpointColumns<'_>) -> Result<StoredCheckpoint, StoreError> {
        let key = row.try_get("size").map(|size: i64| size.to_string()).unwrap_or_default();
        let columns = Columns { table: "checkpoint", key, row };
        Ok(StoredCheckpoint { size: columns.number("size")?, note: columns.text("note")?.to_owned() })
    }
}
