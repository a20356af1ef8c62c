//! How a verification ends when it does not end well.

use std::ops::Range;

use crate::note::CheckpointError;
use crate::record::RecordError;
use crate::tree::Hash;

/// Why a verification stopped: the log is wrong, or there is too little to say whether it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The log is not what was signed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Evidence is missing; nothing is known about the log.
    #[error(transparent)]
    CannotVerify(#[from] CannotVerify),
}

/// Missing evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotVerify {
    /// No public key was given.
    #[error("no key to verify with; hint: give the verifier key that the log's operator published")]
    NoKey,
    /// No checkpoint was given.
    #[error("no checkpoint to verify against, so nothing says what the records should be")]
    NoCheckpoint,
    /// A checkpoint was given after records that it does not hold, so its root cannot be computed any more.
    #[error("the checkpoint of {size} records was given after {fed} records; hint: give checkpoints first")]
    Late {
        /// Size of the checkpoint.
        size: u64,
        /// How many records were fed before it.
        fed: u64,
    },
}

/// The first thing that is wrong with a log. Indices, numbers of records and of checkpoints count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An index is missing, stands twice or is out of order.
    #[error("record {expected} should come next, but record {found} does")]
    GapInIndex {
        /// The index that continues the log.
        expected: u64,
        /// The index that stands there.
        found: u64,
    },
    /// The bytes are not the canonical form of a record.
    #[error("record {index}: {reason}")]
    NotCanonical {
        /// Position in the log.
        index: u64,
        /// What is wrong with the bytes.
        reason: RecordError,
    },
    /// The stored leaf hash is not the hash of the bytes.
    #[error("record {index}: its hash is {computed}, but {stored} is stored")]
    LeafHashDiffers {
        /// Position in the log.
        index: u64,
        /// Hash in the database.
        stored: Hash,
        /// Hash of the bytes.
        computed: Hash,
    },
    /// An index column is not what the record says.
    #[error("record {index}: column `{column}` is `{stored}`, but the record says `{written}`")]
    ColumnDiffers {
        /// Position in the log.
        index: u64,
        /// Name of the attribute.
        column: &'static str,
        /// The beginning of what the column holds.
        stored: String,
        /// What the record says.
        written: String,
    },
    /// The records of one subject are not numbered without gaps.
    #[error("record {index}: it is number {found} of `{subject}`, but {} should come next", next(*expected))]
    SubjectSeqGap {
        /// Position in the log.
        index: u64,
        /// The subject.
        subject: String,
        /// The number that continues the subject; none after 2^53 - 1.
        expected: Option<u64>,
        /// The number in the record.
        found: u64,
    },
    /// A checkpoint that no known key signed, or whose signature or form is broken.
    #[error("checkpoint {number}: {reason}")]
    CheckpointSignature {
        /// Position among the checkpoints.
        number: u64,
        /// What is wrong with it.
        reason: CheckpointError,
    },
    /// A checkpoint of another log.
    #[error("checkpoint {number}: it is of the log `{found}`, but this is `{expected}`")]
    OtherLog {
        /// Position among the checkpoints.
        number: u64,
        /// Origin of the checkpoint.
        found: String,
        /// Origin of those before.
        expected: String,
    },
    /// A checkpoint with fewer records than the one before.
    #[error("checkpoint {number}: it has {size} records, but the one before had {before}")]
    CheckpointShrinks {
        /// Position among the checkpoints.
        number: u64,
        /// Size of the one before.
        before: u64,
        /// Size of this one.
        size: u64,
    },
    /// The records do not make the root that was signed.
    #[error(
        "checkpoint {number}: the first {size} records make root {computed}, but {signed} was signed, so the fault is in records {since} to {}", size.saturating_sub(1)
    )]
    CheckpointRoot {
        /// Position among the checkpoints.
        number: u64,
        /// Size of the last checkpoint that was right: the fault lies after so many records.
        since: u64,
        /// Size of the checkpoint.
        size: u64,
        /// Root that was signed.
        signed: Hash,
        /// Root that the records make.
        computed: Hash,
    },
    /// A checkpoint was signed for more records than there are.
    #[error("checkpoint {number}: it was signed for {size} records, but the log has {log}")]
    CheckpointBeyondLog {
        /// Position among the checkpoints.
        number: u64,
        /// Size of the checkpoint.
        size: u64,
        /// Number of records.
        log: u64,
    },
    /// The records do not make the root of the checkpoint that was kept elsewhere.
    #[error("the first {size} records make root {computed}, but the trusted checkpoint has {trusted}")]
    HistoryRewritten {
        /// Size of the trusted checkpoint.
        size: u64,
        /// Its root.
        trusted: Hash,
        /// Root that the records make.
        computed: Hash,
    },
    /// The log has fewer records than it had in the checkpoint that was kept elsewhere.
    #[error("the log has {log} records, but the trusted checkpoint has {trusted}")]
    LogShorterThan {
        /// Size of the trusted checkpoint.
        trusted: u64,
        /// Number of records.
        log: u64,
    },
    /// Records after the last checkpoint, which nothing was signed for.
    #[error("the log has {log} records, but checkpoints cover only the first {covered}")]
    UncoveredTail {
        /// Size of the last checkpoint.
        covered: u64,
        /// Number of records.
        log: u64,
    },
}

impl Fault {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Fault::GapInIndex { .. } => "gap_in_index",
            Fault::NotCanonical { .. } => "not_canonical",
            Fault::LeafHashDiffers { .. } => "leaf_hash_differs",
            Fault::ColumnDiffers { .. } => "column_differs",
            Fault::SubjectSeqGap { .. } => "subject_seq_gap",
            Fault::CheckpointSignature { .. } => "checkpoint_signature",
            Fault::OtherLog { .. } => "other_log",
            Fault::CheckpointShrinks { .. } => "checkpoint_shrinks",
            Fault::CheckpointRoot { .. } => "checkpoint_root",
            Fault::CheckpointBeyondLog { .. } => "checkpoint_beyond_log",
            Fault::HistoryRewritten { .. } => "history_rewritten",
            Fault::LogShorterThan { .. } => "log_shorter_than",
            Fault::UncoveredTail { .. } => "uncovered_tail",
        }
    }

    /// What it means to somebody who relies on the log.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match self {
            Fault::GapInIndex { .. } => "records were removed, doubled or put into another order",
            Fault::NotCanonical { .. } => "the stored bytes were changed after they were written",
            Fault::LeafHashDiffers { .. } => "the bytes or their hash were changed after they were written",
            Fault::ColumnDiffers { .. } => {
                "searches find this record wrongly; the record itself may be intact"
            }
            Fault::SubjectSeqGap { .. } => "a record of this subject was removed, doubled or moved",
            Fault::CheckpointSignature { .. } => "the checkpoint was changed, or somebody else signed it",
            Fault::OtherLog { .. } => "the checkpoint was taken from another log",
            Fault::CheckpointShrinks { .. } => "checkpoints were moved, or the log was set back",
            Fault::CheckpointRoot { .. } => "some record up to here is not the one that was signed",
            Fault::CheckpointBeyondLog { .. } => "the end of the log was cut off",
            Fault::HistoryRewritten { .. } => "the log was rewritten since the trusted checkpoint",
            Fault::LogShorterThan { .. } => "the end of the log was cut off since the trusted checkpoint",
            Fault::UncoveredTail { .. } => "the last records may have been added or changed by anybody",
        }
    }

    /// The records among which the fault lies, where it is known no closer; empty where it is not in the records.
    #[must_use]
    pub fn stretch(&self) -> Range<u64> {
        match (self, self.index()) {
            (_, Some(index)) => index..index.saturating_add(1),
            (Fault::CheckpointRoot { since, size, .. }, None) => *since..*size,
            (Fault::HistoryRewritten { size, .. }, None) => 0..*size,
            (_, None) => 0..0,
        }
    }

    /// The record where it shows, counted from 0; `None` where only a whole stretch of the log is known.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        match self {
            Fault::GapInIndex { expected: index, .. }
            | Fault::NotCanonical { index, .. }
            | Fault::LeafHashDiffers { index, .. }
            | Fault::ColumnDiffers { index, .. }
            | Fault::SubjectSeqGap { index, .. }
            | Fault::CheckpointBeyondLog { log: index, .. }
            | Fault::LogShorterThan { log: index, .. }
            | Fault::UncoveredTail { covered: index, .. } => Some(*index),
            Fault::CheckpointSignature { .. }
            | Fault::OtherLog { .. }
            | Fault::CheckpointShrinks { .. }
            | Fault::CheckpointRoot { .. }
            | Fault::HistoryRewritten { .. } => None,
        }
    }
}

fn next(expected: Option<u64>) -> String {
    expected.map_or_else(|| "none".to_owned(), |expected| expected.to_string())
}
