//! Records and checkpoints looked at alone: the part of a verification that needs no order.
//!
//! Whether bytes are canonical, what they hash to, whether columns agree with them and whether a signature is good
//! does not depend on anything before. So chunks of a log are filled on whatever thread has time, and
//! [`Verify::take`](super::Verify::take) does in order what only order can tell: indices, subjects, the tree.

use std::sync::Arc;

use super::{Entry, Fault};
use crate::note::{Checkpoint, CheckpointError, Verifier};
use crate::record::{Envelope, SubjectSeq};
use crate::tree::{Hash, leaf_hash};

/// Makes chunks that one verification takes. It can be copied to other threads.
#[derive(Debug, Clone)]
pub struct Chunks {
    pub(super) known: Arc<[Verifier]>,
}

/// A stretch of the log, with what each record and checkpoint in it says alone.
#[derive(Debug)]
pub struct Chunk {
    known: Arc<[Verifier]>,
    next: u64,
    pub(super) checkpoints: Vec<Result<Checkpoint, CheckpointError>>,
    pub(super) records: Vec<Looked>,
    /// The subjects of all records, end to end.
    pub(super) subjects: String,
    /// The first thing wrong with a record; nothing is taken after it.
    pub(super) fault: Option<Fault>,
}

/// What a record says, in a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) subject_bytes: usize,
    pub(super) subject_seq: SubjectSeq,
}

/// What a record says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone<'a> {
    pub(super) leaf: Hash,
    pub(super) subject: &'a str,
    pub(super) subject_seq: SubjectSeq,
}

impl Chunks {
    /// An empty chunk whose first record has this index.
    #[must_use]
    pub fn begin(&self, first: u64) -> Chunk {
        Chunk {
            known: Arc::clone(&self.known),
            next: first,
            checkpoints: Vec::new(),
            records: Vec::new(),
            subjects: String::new(),
            fault: None,
        }
    }
}

impl Chunk {
    /// Looks at a checkpoint. All of a chunk's checkpoints count as given before its records.
    pub fn checkpoint(&mut self, note: &[u8]) {
        self.checkpoints.push(Checkpoint::open(note, &self.known));
    }

    /// Looks at the next record. After the first fault nothing is looked at any more.
    pub fn record(&mut self, entry: &Entry<'_>) {
        if self.fault.is_some() {
            return;
        }
        match in_place(self.next, entry) {
            Ok(Alone { leaf, subject, subject_seq }) => {
                let subject_bytes = subject.len();
                self.records.push(Looked { index: entry.index, leaf, subject_bytes, subject_seq });
                self.subjects.push_str(subject);
                self.next += 1;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// How many records were looked at and found right in themselves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no record was found right in itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// Looks at a record that must have this index.
pub(super) fn in_place<'a>(expected: u64, entry: &Entry<'a>) -> Result<Alone<'a>, Fault> {
    let index = entry.index;
    if index != expected {
        return Err(Fault::GapInIndex { expected, found: index });
    }
    let read = Envelope::read(entry.bytes);
    let (text, envelope) = read.map_err(|reason| Fault::NotCanonical { index, reason })?;
    let leaf = leaf_hash(entry.bytes);
    if let Some(stored) = &entry.stored {
        if stored.leaf != leaf {
            return Err(Fault::LeafHashDiffers { index, stored: stored.leaf, computed: leaf });
        }
        stored.columns.compare(index, text, &envelope)?;
    }
    Ok(Alone { leaf, subject: envelope.subject(text), subject_seq: envelope.subject_seq })
}
