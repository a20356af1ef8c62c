//! Rows as the databases give them, and how they become the engine's types.
//!
//! A row that cannot is an [`StoreError::Inconsistent`] with its place: this program did not write it so.

use std::fmt::Display;
use std::str::FromStr;

use concordat_engine::ports::{RunRow, SavedReply, StoreError, StoredCheckpoint, StoredRecord, StoredRun};
use concordat_ledger::Record;
use concordat_model::digest::Digest;
use concordat_model::payload::{Payload, Secret};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::sealing;

/// The three kinds of value that our tables have.
pub(crate) trait Cells {
    /// A text.
    fn text(&self, column: &str) -> sqlx::Result<Option<&str>>;

    /// Bytes.
    fn bytes(&self, column: &str) -> sqlx::Result<&[u8]>;

    /// Bytes that may be missing.
    fn some_bytes(&self, column: &str) -> sqlx::Result<Option<&[u8]>>;

    /// A number.
    fn integer(&self, column: &str) -> sqlx::Result<Option<i64>>;
}

impl Cells for SqliteRow {
    fn text(&self, column: &str) -> sqlx::Result<Option<&str>> {
        self.try_get(column)
    }

    fn bytes(&self, column: &str) -> sqlx::Result<&[u8]> {
        self.try_get(column)
    }

    fn some_bytes(&self, column: &str) -> sqlx::Result<Option<&[u8]>> {
        self.try_get(column)
    }

    fn integer(&self, column: &str) -> sqlx::Result<Option<i64>> {
        self.try_get(column)
    }
}

impl Cells for PgRow {
    fn text(&self, column: &str) -> sqlx::Result<Option<&str>> {
        // Texts in which PostgreSQL cannot keep every character are bytes there.
        self.try_get_unchecked(column)
    }

    fn bytes(&self, column: &str) -> sqlx::Result<&[u8]> {
        self.try_get(column)
    }

    fn some_bytes(&self, column: &str) -> sqlx::Result<Option<&[u8]>> {
        self.try_get(column)
    }

    fn integer(&self, column: &str) -> sqlx::Result<Option<i64>> {
        self.try_get(column)
    }
}

/// A row of one table, with the key by which a complaint names it.
pub(crate) struct Columns<'a, R> {
    pub(crate) table: &'static str,
    pub(crate) key: String,
    pub(crate) row: &'a R,
}

/// A value that must be there is not.
const MISSING: &str = "it has no value";

impl<'a, R: Cells> Columns<'a, R> {
    pub(crate) fn odd(&self, column: &'static str, why: &dyn Display) -> StoreError {
        StoreError::Inconsistent { table: self.table, column, row: self.key.clone(), why: why.to_string() }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<&'a str, StoreError> {
        let text = self.row.text(column).map_err(|error| self.odd(column, &error))?;
        text.ok_or_else(|| self.odd(column, &MISSING))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<&'a [u8], StoreError> {
        self.row.bytes(column).map_err(|error| self.odd(column, &error))
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|error| self.odd(column, &error))
    }

    fn optional<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.row.text(column).map_err(|error| self.odd(column, &error))?;
        text.map(|text| text.parse().map_err(|error| self.odd(column, &error))).transpose()
    }

    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let number = self.row.integer(column).map_err(|error| self.odd(column, &error))?;
        let number = number.ok_or_else(|| self.odd(column, &MISSING))?;
        T::try_from(number).map_err(|error| self.odd(column, &error))
    }
}

/// The key of a row, for complaints.
fn name<R: Cells>(row: &R, column: &str) -> String {
    row.text(column).ok().flatten().unwrap_or_default().to_owned()
}

fn numbered<R: Cells>(row: &R, column: &str) -> String {
    row.integer(column).ok().flatten().map(|number| number.to_string()).unwrap_or_default()
}

/// A row of the table `record`: `idx`, `leaf` and `body`.
pub(crate) struct RecordColumns<'a, R>(pub(crate) &'a R);

impl<R: Cells> TryFrom<RecordColumns<'_, R>> for StoredRecord {
    type Error = StoreError;

    fn try_from(RecordColumns(row): RecordColumns<'_, R>) -> Result<StoredRecord, StoreError> {
        let key = numbered(row, "idx");
        let columns = Columns { table: "record", key, row };
        let index = columns.number("idx")?;
        let record = Record::read(columns.bytes("body")?).map_err(|error| columns.odd("body", &error))?;
        if record.leaf().as_bytes() != columns.bytes("leaf")? {
            return Err(columns.odd("leaf", &"the body has another hash"));
        }
        Ok(StoredRecord { index, record })
    }
}

/// A run from its records, which must be all of them, in order.
pub(crate) fn run_of(subject: &str, records: Vec<StoredRecord>) -> Result<StoredRun, StoreError> {
    let odd = |column, why: &dyn Display| StoreError::Inconsistent {
        table: "record",
        column,
        row: subject.to_owned(),
        why: why.to_string(),
    };
    let id = subject.parse().map_err(|error| odd("subject", &error))?;
    if records.iter().any(|stored| stored.record.subject() != subject) {
        return Err(odd("subject", &"a record's bytes name another subject"));
    }
    if records.iter().zip(0..).any(|(stored, seq)| stored.record.subject_seq().get() != seq) {
        return Err(odd("subject_seq", &"the run's records have a gap or are out of order"));
    }
    Ok(StoredRun { id, records, payloads: Vec::new(), secret: None })
}

/// A row of the table `run`, all columns.
pub(crate) struct RunColumns<'a, R>(pub(crate) &'a R);

impl<R: Cells> TryFrom<RunColumns<'_, R>> for RunRow {
    type Error = StoreError;

    fn try_from(RunColumns(row): RunColumns<'_, R>) -> Result<RunRow, StoreError> {
        let key = name(row, "id");
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
pub(crate) struct ReplyColumns<'a, R>(pub(crate) &'a R);

impl<R: Cells> TryFrom<ReplyColumns<'_, R>> for SavedReply {
    type Error = StoreError;

    fn try_from(ReplyColumns(row): ReplyColumns<'_, R>) -> Result<SavedReply, StoreError> {
        let key = name(row, "key");
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
pub(crate) struct CheckpointColumns<'a, R>(pub(crate) &'a R);

impl<R: Cells> TryFrom<CheckpointColumns<'_, R>> for StoredCheckpoint {
    type Error = StoreError;

    fn try_from(CheckpointColumns(row): CheckpointColumns<'_, R>) -> Result<StoredCheckpoint, StoreError> {
        let key = numbered(row, "size");
        let columns = Columns { table: "checkpoint", key, row };
        Ok(StoredCheckpoint { size: columns.number("size")?, note: columns.text("note")?.to_owned() })
    }
}

/// A payload as it was read, and what it was kept under, if it can be forgotten.
pub(crate) struct Unsealed {
    pub(crate) payload: Payload,
    pub(crate) secret: Option<Secret>,
}

/// A row of the table `payload` or `sealed`: `digest`, `body`, and the owner's `secret`.
pub(crate) struct PayloadColumns<'a, R>(pub(crate) &'a R);

impl<R: Cells> TryFrom<PayloadColumns<'_, R>> for Unsealed {
    type Error = StoreError;

    fn try_from(PayloadColumns(row): PayloadColumns<'_, R>) -> Result<Unsealed, StoreError> {
        let columns = Columns { table: "payload", key: String::new(), row };
        let (stored, body) = (columns.bytes("digest")?, columns.bytes("body")?);
        let digest = <[u8; 32]>::try_from(stored).map_err(|error| columns.odd("digest", &error))?;
        let digest = Digest::from_bytes(digest);
        let columns = Columns { key: digest.to_string(), ..columns };
        let secret = row.some_bytes("secret").map_err(|error| columns.odd("secret", &error))?;
        let secret = secret.map(<[u8; 32]>::try_from).transpose();
        let secret = secret.map_err(|error| columns.odd("secret", &error))?.map(Secret::new);
        let content = match &secret {
            Some(secret) => sealing::open(secret, &digest, body),
            None => (Digest::of(body) == digest).then(|| body.to_vec()),
        };
        let content = content.ok_or_else(|| columns.odd("digest", &"the content has another digest"))?;
        Ok(Unsealed { payload: (digest, content), secret })
    }
}
