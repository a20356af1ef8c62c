//! A record on its way through the fold: read once, asked many times.

use concordat_ledger::Record;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A record with its place in the log, and its data as a value.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its index.
    pub index: u64,
    /// The record.
    pub record: &'a Record,
    /// When, as the writer claimed.
    pub at: Timestamp,
    /// Its data.
    pub data: Value,
}

impl<'a> Entry<'a> {
    /// Reads the data of a record.
    ///
    /// # Errors
    /// When the record's time or data cannot be read; a sealed record has neither fault.
    pub fn read(index: u64, record: &'a Record) -> Result<Entry<'a>, UnreadableRecord> {
        let odd = |reason: String| UnreadableRecord { index, reason };
        let at = record.time().parse().map_err(|error: jiff::Error| odd(error.to_string()))?;
        let data = record.data().map_err(|error| odd(error.to_string()))?;
        Ok(Entry { index, record, at, data })
    }

    /// The data as what they are said to be; nothing when they are something else.
    #[must_use]
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        self.record.data().ok()
    }

    /// A text in the data.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.data.pointer(pointer).and_then(Value::as_str)
    }

    /// A number in the data.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<u64> {
        self.data.pointer(pointer).and_then(Value::as_u64)
    }
}

/// A record of which no report can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {index} cannot be read: {reason}; hint: run `audit verify`")]
pub struct UnreadableRecord {
    /// Its index.
    pub index: u64,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use concordat_ledger::{Draft, SubjectSeq};

    use super::*;

    /// A record for tests, in the second of its index.
    pub(crate) fn record(index: u64, kind: &str, subject: &str, data: &Value) -> Record {
        let at = Timestamp::from_second(1_767_225_600 + i64::try_from(index).unwrap()).unwrap();
        let draft = Draft {
            id: &format!("rec-{index}"),
            source: "concordat/test",
            kind,
            subject,
            subject_seq: SubjectSeq::new(index).unwrap(),
            time: &format!("{at:.6}"),
            data,
        };
        draft.seal().unwrap()
    }
}
