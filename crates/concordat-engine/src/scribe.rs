//! From events to records: the one place where what happened gets its canonical bytes.

use concordat_ledger::record::{Draft, Record, RecordError, SubjectSeq};
use concordat_model::id::RecordId;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::ports::Clock;

/// Writes records in this installation's name.
#[derive(Debug, Clone)]
pub(crate) struct Scribe {
    source: String,
}

impl Scribe {
    /// A scribe for the installation of this name.
    pub(crate) fn new(instance: &str) -> Scribe {
        Scribe { source: format!("concordat/{instance}") }
    }

    /// The name in which records are written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Seals one event as a record with a fresh id.
    pub(crate) fn seal(
        &self,
        clock: &dyn Clock,
        kind: &str,
        place: Place<'_>,
        data: &impl Serialize,
    ) -> Result<Record, RecordError> {
        self.seal_as(clock.uuid(), kind, place, data)
    }

    /// Seals one event as a record whose id carries this UUID: a decision's record is found by the decision's id.
    pub(crate) fn seal_as(
        &self,
        uuid: Uuid,
        kind: &str,
        place: Place<'_>,
        data: &impl Serialize,
    ) -> Result<Record, RecordError> {
        let subject_seq = SubjectSeq::new(place.seq).ok_or(RecordError::SubjectSeq)?;
        Draft {
            id: &RecordId::new(uuid).to_string(),
            source: &self.source,
            kind,
            subject: place.subject,
            subject_seq,
            time: &stamp(place.at),
            data,
        }
        .seal()
    }
}

/// Where a record belongs: its subject, its number there, and the time.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) subject: &'a str,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
}

/// A time as records show it: RFC 3339 in UTC with microseconds.
fn stamp(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_microseconds() {
        assert_eq!(stamp(Timestamp::from_microsecond(1).unwrap()), "1970-01-01T00:00:00.000001Z");
        assert_eq!(stamp(Timestamp::from_second(60).unwrap()), "1970-01-01T00:01:00.000000Z");
    }
}
