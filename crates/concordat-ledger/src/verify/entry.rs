//! One record as it is stored: its bytes, and what the database keeps beside them.

use super::Fault;
use crate::record::{Envelope, Record};
use crate::tree::Hash;

/// One record to be verified.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Position in the log, counted from 0.
    pub index: u64,
    /// The stored bytes.
    pub bytes: &'a [u8],
    /// What a database keeps beside the bytes; an export holds nothing but bytes.
    pub stored: Option<Stored<'a>>,
}

/// What a database keeps beside the bytes of a record.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The leaf hash.
    pub leaf: Hash,
    /// The columns by which records are found.
    pub columns: Columns<'a>,
}

/// Copies of a record's attributes, by which it is found. They prove nothing and must equal the record.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Unique id of the record.
    pub id: &'a str,
    /// Who wrote it; `None` where that has no column.
    pub source: Option<&'a str>,
    /// What happened.
    pub kind: &'a str,
    /// What it happened to.
    pub subject: &'a str,
    /// Position among the records of the subject.
    pub subject_seq: u64,
    /// When, as the writer claimed.
    pub time: &'a str,
}

impl Columns<'_> {
    pub(super) fn compare(&self, index: u64, text: &str, record: &Envelope) -> Result<(), Fault> {
        let columns = [
            ("id", self.id, record.id(text)),
            ("source", self.source.unwrap_or(record.source(text)), record.source(text)),
            ("type", self.kind, record.kind(text)),
            ("subject", self.subject, record.subject(text)),
            ("time", self.time, record.time(text)),
        ];
        let seq = record.subject_seq.get();
        match columns.into_iter().find(|(_, stored, written)| stored != written) {
            Some((column, stored, written)) => Err(differs(index, column, stored, written)),
            None if self.subject_seq != seq => {
                Err(differs(index, "subjectseq", &self.subject_seq.to_string(), &seq.to_string()))
            }
            None => Ok(()),
        }
    }
}

fn differs(index: u64, column: &'static str, stored: &str, written: &str) -> Fault {
    Fault::ColumnDiffers {
        index,
        column,
        stored: stored.chars().take(64).collect(),
        written: written.to_owned(),
    }
}

impl<'a> From<&'a Record> for Stored<'a> {
    fn from(record: &'a Record) -> Stored<'a> {
        Stored {
            leaf: record.leaf(),
            columns: Columns {
                id: record.id(),
                source: Some(record.source()),
                kind: record.kind(),
                subject: record.subject(),
                subject_seq: record.subject_seq().get(),
                time: record.time(),
            },
        }
    }
}
