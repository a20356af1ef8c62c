//! One leaf of the log: an envelope with CloudEvents' attribute names around the data of an event.
//!
//! ```text
//! {"data":…,"id":"…","source":"…","specversion":"1.0","subject":"…","subjectseq":n,"time":"…","type":"…"}
//! ```
//!
//! A [`Draft`] has no bytes and no hash; sealing it makes the [`Record`], whose bytes never change again. Every
//! byte is hashed, so everything that stands in a database column beside them is only an index of them.
//!
//! The place of a record in the log is not in it: a database may know that only after commit. Records are linked
//! by id and by `subjectseq`, a counter without gaps for each subject; the proof of inclusion binds the index.

mod attribute;
mod envelope;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, Refusal};
use crate::tree::{Hash, leaf_hash};
pub(crate) use envelope::Envelope;

/// Most bytes of an id, a source, a type or a subject.
pub const MAX_ATTRIBUTE: usize = 255;

/// A record that is still to be written. The data may be anything that has a canonical form.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a, D: ?Sized> {
    /// Unique id of the record: 1 to 255 visible ASCII characters without `"` and `\`.
    pub id: &'a str,
    /// Who wrote it, `concordat/<instance>`; characters as for `id`.
    pub source: &'a str,
    /// What happened, such as `contract.decision.v1`; characters as for `id`.
    pub kind: &'a str,
    /// What it happened to, such as a contract's id; characters as for `id`.
    pub subject: &'a str,
    /// How many records the subject had before this one.
    pub subject_seq: SubjectSeq,
    /// When, as the writer claims: RFC 3339 in UTC with microseconds, `2026-01-31T23:59:59.000001Z`.
    pub time: &'a str,
    /// The event itself.
    pub data: &'a D,
}

/// A record as it stands in the log: canonical bytes, the attributes read from them, and their leaf hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    text: Box<str>,
    envelope: Envelope,
    leaf: Hash,
}

/// Position of a record among those of its subject: 0, 1, 2 and so on without gaps, at most 2^53 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct SubjectSeq(u64);

/// A record that cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes have no canonical form, or are not in it.
    #[error("record {0}")]
    Canonical(#[from] Refusal),
    /// A text attribute with other characters or another length than allowed.
    #[error(
        "record attribute `{attribute}` is `{value}`, but must be 1 to {MAX_ATTRIBUTE} visible ASCII characters without quotes and backslashes"
    )]
    Text {
        /// Name of the attribute.
        attribute: &'static str,
        /// The beginning of what stood there.
        value: String,
    },
    /// A time in another form.
    #[error("record attribute `time` is `{value}`, but must look like 2026-01-31T23:59:59.000001Z")]
    Time {
        /// The beginning of what stood there.
        value: String,
    },
    /// A negative or too great position.
    #[error("record attribute `subjectseq` must be an integer from 0 to 2^53 - 1")]
    SubjectSeq,
    /// Canonical JSON, but not the envelope of a record.
    #[error("not the envelope of a record at byte {at}: `{expected}` should stand there")]
    Envelope {
        /// Offset from the start of the record.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Data of another shape than asked for.
    #[error("the data of record `{id}` are not what was asked for: {reason}")]
    Data {
        /// Id of the record.
        id: String,
        /// Which part does not fit.
        reason: String,
    },
}

impl<D: Serialize + ?Sized> Draft<'_, D> {
    /// Writes the canonical bytes and hashes them, both once and for all.
    ///
    /// # Errors
    ///
    /// When an attribute is out of bounds, or the data have no canonical form of at most 65,535 bytes.
    pub fn seal(self) -> Result<Record, RecordError> {
        /// Members in canonical order, so that nothing has to be sorted.
        #[derive(Serialize)]
        struct Members<'a, D: ?Sized> {
            data: &'a D,
            id: &'a str,
            source: &'a str,
            specversion: &'static str,
            subject: &'a str,
            subjectseq: u64,
            time: &'a str,
            r#type: &'a str,
        }
        attribute::text("id", self.id)?;
        attribute::text("source", self.source)?;
        attribute::text("subject", self.subject)?;
        attribute::text("type", self.kind)?;
        attribute::time(self.time)?;
        let bytes = canonical::write(&Members {
            data: self.data,
            id: self.id,
            source: self.source,
            specversion: "1.0",
            subject: self.subject,
            subjectseq: self.subject_seq.get(),
            time: self.time,
            r#type: self.kind,
        })?;
        // Reading back what was written costs half a microsecond and means that no unreadable record exists.
        Record::read(&bytes)
    }
}

impl Record {
    /// Reads stored bytes.
    ///
    /// # Errors
    ///
    /// When they are not the canonical form of a record.
    pub fn read(bytes: &[u8]) -> Result<Record, RecordError> {
        let (text, envelope) = Envelope::read(bytes)?;
        Ok(Record { text: text.into(), envelope, leaf: leaf_hash(bytes) })
    }

    /// The bytes to store and to publish.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The hash to append to the tree.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// Unique id of the record.
    #[must_use]
    pub fn id(&self) -> &str {
        self.envelope.id(&self.text)
    }

    /// Who wrote the record.
    #[must_use]
    pub fn source(&self) -> &str {
        self.envelope.source(&self.text)
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.envelope.kind(&self.text)
    }

    /// What it happened to.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.envelope.subject(&self.text)
    }

    /// Position among the records of the subject.
    #[must_use]
    pub fn subject_seq(&self) -> SubjectSeq {
        self.envelope.subject_seq
    }

    /// When, as the writer claimed.
    #[must_use]
    pub fn time(&self) -> &str {
        self.envelope.time(&self.text)
    }

    /// The event as canonical JSON.
    #[must_use]
    pub fn data_text(&self) -> &str {
        self.envelope.data(&self.text)
    }

    /// The event itself.
    ///
    /// # Errors
    ///
    /// When the data are not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, RecordError> {
        serde_json::from_str(self.data_text())
            .map_err(|error| RecordError::Data { id: self.id().to_owned(), reason: error.to_string() })
    }
}

impl SubjectSeq {
    /// The position of a subject's first record.
    pub const FIRST: SubjectSeq = SubjectSeq(0);

    /// The position at `seq`, if it is at most 2^53 - 1.
    #[must_use]
    pub fn new(seq: u64) -> Option<SubjectSeq> {
        (seq <= canonical::MAX_INTEGER).then_some(SubjectSeq(seq))
    }

    /// The position after this one; `None` after 2^53 - 1.
    #[must_use]
    pub fn next(self) -> Option<SubjectSeq> {
        SubjectSeq::new(self.0 + 1)
    }

    /// The position as a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for SubjectSeq {
    type Error = RecordError;

    fn try_from(seq: u64) -> Result<SubjectSeq, RecordError> {
        SubjectSeq::new(seq).ok_or(RecordError::SubjectSeq)
    }
}

impl From<SubjectSeq> for u64 {
    fn from(seq: SubjectSeq) -> u64 {
        seq.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::canonical::Reason;

    const BYTES: &str = r#"{"data":{"a":1},"id":"rec_1","source":"concordat/test","specversion":"1.0","subject":"ctr_1","subjectseq":7,"time":"2026-01-31T23:59:59.000001Z","type":"contract.decision.v1"}"#;

    fn draft(data: &Value) -> Draft<'_, Value> {
        Draft {
            id: "rec_1",
            source: "concordat/test",
            kind: "contract.decision.v1",
            subject: "ctr_1",
            subject_seq: SubjectSeq(7),
            time: "2026-01-31T23:59:59.000001Z",
            data,
        }
    }

    #[test]
    fn sealed_and_read_are_the_same() {
        let record = draft(&json!({"a": 1})).seal().expect("record");
        assert_eq!(std::str::from_utf8(record.bytes()), Ok(BYTES));
        assert_eq!(Record::read(BYTES.as_bytes()).as_ref(), Ok(&record));
        assert_eq!(record.leaf(), leaf_hash(BYTES.as_bytes()));
        assert_eq!(
            [
                record.id(),
                record.source(),
                record.kind(),
                record.subject(),
                record.time(),
                record.data_text()
            ],
            [
                "rec_1",
                "concordat/test",
                "contract.decision.v1",
                "ctr_1",
                "2026-01-31T23:59:59.000001Z",
                r#"{"a":1}"#
            ]
        );
        assert_eq!(record.subject_seq().get(), 7);
        assert_eq!(record.data(), Ok(json!({"a": 1})));
        assert!(matches!(record.data::<Vec<u8>>(), Err(RecordError::Data { .. })));
    }

    #[test]
    fn attributes_are_bounded() {
        let data = json!(null);
        let long = "x".repeat(256);
        for wrong in ["", " ", "a b", "é", "a\"", "a\\", "a\n", "a\u{7f}", &long] {
            let drafts = [
                Draft { id: wrong, ..draft(&data) },
                Draft { source: wrong, ..draft(&data) },
                Draft { kind: wrong, ..draft(&data) },
                Draft { subject: wrong, ..draft(&data) },
            ];
            for draft in drafts {
                assert!(matches!(draft.seal(), Err(RecordError::Text { .. })), "{wrong:?}");
            }
        }
        assert_eq!(SubjectSeq::new(canonical::MAX_INTEGER + 1), None);
        assert_eq!(SubjectSeq(canonical::MAX_INTEGER).next(), None);
    }

    #[test]
    fn data_without_canonical_form_are_refused_with_their_place() {
        let refused = draft(&json!({"score": 0.5})).seal();
        let refusal = Refusal { pointer: "/data/score".into(), reason: Reason::Float };
        assert_eq!(refused, Err(RecordError::Canonical(refusal)));
        let refused = draft(&json!("x".repeat(70_000))).seal();
        assert!(matches!(refused, Err(RecordError::Canonical(Refusal { reason: Reason::TooLarge, .. }))));
    }

    #[test]
    fn other_bytes_are_not_a_record() {
        for (from, to) in [
            (r#""data":{"a":1},"#, ""),
            (r#","type":"contract.decision.v1""#, ""),
            (r#""1.0""#, r#""1.1""#),
            (r#""subjectseq":7"#, r#""subjectseq":-7"#),
            (r#""subjectseq":7"#, r#""subjectseq":"7""#),
            (r#""subjectseq":7"#, r#""subjectseq":07"#),
            (r#""rec_1""#, r#""""#),
            (r#""rec_1""#, r#""rec\t1""#),
            (r#""rec_1""#, r#""réc""#),
            ("23:59:59", "23:59:60"),
            (r#""type""#, r#""type":"x","type""#),
            ("},", "}, "),
            (r#"v1"}"#, r#"v1","zone":1}"#),
            (r#"v1"}"#, r#"v1"} "#),
            (r#""a":1"#, r#""a":1,"a":2"#),
            (r#""a":1"#, r#""a":1.0"#),
            (r#"{"data""#, r#"[{"data""#),
        ] {
            let altered = BYTES.replacen(from, to, 1);
            assert_ne!(altered, BYTES, "{from}");
            assert!(Record::read(altered.as_bytes()).is_err(), "{altered}");
        }
        let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(Record::read(BYTES.replacen(r#"{"a":1}"#, &deep, 1).as_bytes()).is_err());
        for bytes in [&b""[..], b"{}", b"null", b"[[[[", b"\xff", b"{\"data\":"] {
            assert!(Record::read(bytes).is_err());
        }
    }
}
