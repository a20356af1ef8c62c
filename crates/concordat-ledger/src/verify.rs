//! Recomputing a whole log: what is stored against what was signed.
//!
//! Feed every record in order, and every checkpoint in order and no later than the record that follows its last
//! one; all checkpoints first is fine too. The answer is [`Verified`], or the first thing that is wrong.
//! Every step consumes the verifier, so after a fault nothing can be asked of it any more.
//!
//! ```text
//! known keys ─▶ Verify ─▶ record* / checkpoint* ─▶ finish ─▶ Verified
//!                  └──────────────┴──────────────────┴─────▶ Fault (the log is not what was signed)
//!                                                            CannotVerify (evidence is missing)
//! ```
//!
//! What it can show: any record changed, moved, removed or added, any index column that differs from its record,
//! and any checkpoint that others signed. A log whose end was cut off together with its checkpoints, or that its
//! own key signed anew, is in itself a correct log: that shows only against an earlier checkpoint kept
//! elsewhere, which is what [`Verify::trusting`] is for. Whether two records carry the same id is left to the
//! database's unique index; the memory needed here grows with subjects, not with records.

mod chunk;
mod entry;
mod fault;
mod in_order;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chunk::{Alone, Looked};
pub use chunk::{Chunk, Chunks};
pub use entry::{Columns, Entry, Stored};
pub use fault::{CannotVerify, Fault, Stop};
pub use in_order::in_order;

use crate::note::{Checkpoint, CheckpointError, Verifier};
use crate::record::SubjectSeq;
use crate::tree::{Frontier, Hash};

/// A verification under way.
#[derive(Debug, Clone)]
pub struct Verify {
    known: Arc<[Verifier]>,
    tree: Frontier,
    /// The first record that will be fed. From 0 on, every subject begins with its first record.
    first: u64,
    /// For each subject the position that its next record must have.
    subjects: HashMap<Box<str>, Option<SubjectSeq>>,
    /// Checkpoints of sizes that the records have not reached yet, with their numbers.
    ahead: VecDeque<(u64, Checkpoint)>,
    trusted: Option<Checkpoint>,
    origin: Option<String>,
    checkpoints: u64,
    /// Size of the greatest checkpoint that was found right.
    covered: Option<u64>,
}

/// A log that is what was signed, from the first record to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Number of records.
    pub size: u64,
    /// Root over all of them.
    pub root: Hash,
    /// Number of checkpoints that were given and found right.
    pub checkpoints: u64,
    /// Number of different subjects.
    pub subjects: u64,
    /// The first record that was looked at; those before it are known only by their hashes.
    pub first: u64,
}

impl Verify {
    /// Begins with an empty log and the public keys that the log may be signed with.
    ///
    /// # Errors
    ///
    /// When there is no key.
    pub fn with_keys(known: Vec<Verifier>) -> Result<Verify, Stop> {
        if known.is_empty() {
            return Err(CannotVerify::NoKey.into());
        }
        Ok(Verify {
            known: known.into(),
            tree: Frontier::new(),
            first: 0,
            subjects: HashMap::new(),
            ahead: VecDeque::new(),
            trusted: None,
            origin: None,
            checkpoints: 0,
            covered: None,
        })
    }

    /// Begins after records that are not at hand, of which only the tree's edge is known.
    ///
    /// Nobody needs to trust that edge: with another one the records do not make the root that was signed.
    ///
    /// # Errors
    ///
    /// When there is no key.
    pub fn resumed(known: Vec<Verifier>, before: Frontier) -> Result<Verify, Stop> {
        Ok(Verify { first: before.size(), tree: before, ..Verify::with_keys(known)? })
    }

    /// Demands that the log continues this checkpoint, which was kept where the log's operator cannot reach it.
    ///
    /// # Errors
    ///
    /// When more records were fed already than the checkpoint has, so that it cannot be compared.
    pub fn trusting(mut self, checkpoint: Checkpoint) -> Result<Verify, Stop> {
        if checkpoint.size() < self.tree.size() {
            return Err(CannotVerify::Late { size: checkpoint.size(), fed: self.tree.size() }.into());
        }
        self.origin = Some(checkpoint.origin().to_owned());
        self.trusted = Some(checkpoint);
        self.compare_trusted()?;
        Ok(self)
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// The first fault in this record, or in a checkpoint that ends with it.
    pub fn record(mut self, entry: &Entry<'_>) -> Result<Verify, Stop> {
        let alone = chunk::in_place(self.tree.size(), entry)?;
        self.append(entry.index, alone)?;
        Ok(self)
    }

    /// Takes a stretch of the log that was looked at on another thread.
    ///
    /// # Errors
    ///
    /// The first fault in its checkpoints, then in its records.
    pub fn take(mut self, chunk: Chunk) -> Result<Verify, Stop> {
        for opened in chunk.checkpoints {
            self = self.opened(opened)?;
        }
        let mut subjects = chunk.subjects.as_str();
        for looked in chunk.records {
            let (expected, index) = (self.tree.size(), looked.index);
            if index != expected {
                return Err(Fault::GapInIndex { expected, found: index }.into());
            }
            // The chunk put them end to end itself, so the cut is always there.
            let (subject, rest) = subjects.split_at_checked(looked.subject_bytes).unwrap_or((subjects, ""));
            subjects = rest;
            let Looked { leaf, subject_seq, .. } = looked;
            self.append(index, Alone { leaf, subject, subject_seq })?;
        }
        match chunk.fault {
            Some(fault) => Err(fault.into()),
            None => Ok(self),
        }
    }

    /// Makes chunks for this verification.
    #[must_use]
    pub fn chunks(&self) -> Chunks {
        Chunks { known: Arc::clone(&self.known) }
    }

    /// Takes the next checkpoint, as it is stored.
    ///
    /// # Errors
    ///
    /// The first fault in this checkpoint; or that it came too late to be compared.
    pub fn checkpoint(self, note: &[u8]) -> Result<Verify, Stop> {
        let opened = Checkpoint::open(note, &self.known);
        self.opened(opened)
    }

    fn opened(mut self, opened: Result<Checkpoint, CheckpointError>) -> Result<Verify, Stop> {
        let number = self.checkpoints;
        let opened = opened.map_err(|reason| Fault::CheckpointSignature { number, reason })?;
        let size = opened.size();
        let origin = self.origin.get_or_insert_with(|| opened.origin().to_owned());
        if origin != opened.origin() {
            let (found, expected) = (opened.origin().to_owned(), origin.clone());
            return Err(Fault::OtherLog { number, found, expected }.into());
        }
        let before = self.ahead.back().map(|(_, before)| before.size()).or(self.covered);
        match before {
            Some(before) if size < before => {
                return Err(Fault::CheckpointShrinks { number, before, size }.into());
            }
            _ if size < self.tree.size() => {
                return Err(CannotVerify::Late { size, fed: self.tree.size() }.into());
            }
            _ => {}
        }
        self.checkpoints += 1;
        self.ahead.push_back((number, opened));
        self.compare_ahead()?;
        Ok(self)
    }

    /// Says that there are no more records and checkpoints.
    ///
    /// # Errors
    ///
    /// When checkpoints and records do not end together, or there was no checkpoint.
    pub fn finish(self) -> Result<Verified, Stop> {
        let log = self.tree.size();
        if let Some(trusted) = self.trusted {
            return Err(Fault::LogShorterThan { trusted: trusted.size(), log }.into());
        }
        if let Some((number, checkpoint)) = self.ahead.front() {
            return Err(Fault::CheckpointBeyondLog { number: *number, size: checkpoint.size(), log }.into());
        }
        match self.covered {
            None => Err(CannotVerify::NoCheckpoint.into()),
            Some(covered) if covered < log => Err(Fault::UncoveredTail { covered, log }.into()),
            Some(_) => Ok(Verified {
                size: log,
                root: self.tree.root(),
                checkpoints: self.checkpoints,
                subjects: self.subjects.len() as u64,
                first: self.first,
            }),
        }
    }

    fn append(&mut self, index: u64, alone: Alone<'_>) -> Result<(), Stop> {
        self.count(index, alone.subject, alone.subject_seq)?;
        self.tree.append(alone.leaf);
        self.compare_trusted()?;
        self.compare_ahead()?;
        Ok(())
    }

    fn count(&mut self, index: u64, subject: &str, found: SubjectSeq) -> Result<(), Fault> {
        let gap = |expected: Option<SubjectSeq>| {
            let expected = expected.map(SubjectSeq::get);
            Fault::SubjectSeqGap { index, subject: subject.to_owned(), expected, found: found.get() }
        };
        match self.subjects.get_mut(subject) {
            Some(expected) if *expected == Some(found) => *expected = found.next(),
            Some(expected) => return Err(gap(*expected)),
            // What came before the first record that is known may have been of this subject.
            None if found == SubjectSeq::FIRST || self.first > 0 => {
                self.subjects.insert(subject.into(), found.next());
            }
            None => return Err(gap(Some(SubjectSeq::FIRST))),
        }
        Ok(())
    }

    fn compare_trusted(&mut self) -> Result<(), Fault> {
        let size = self.tree.size();
        let Some(trusted) = self.trusted.take_if(|trusted| trusted.size() == size) else { return Ok(()) };
        let computed = self.tree.root();
        if trusted.root() != computed {
            return Err(Fault::HistoryRewritten { size, trusted: trusted.root(), computed });
        }
        self.covered = self.covered.max(Some(size));
        Ok(())
    }

    fn compare_ahead(&mut self) -> Result<(), Fault> {
        let size = self.tree.size();
        while let Some((number, checkpoint)) = self.ahead.pop_front_if(|(_, next)| next.size() == size) {
            let (signed, computed) = (checkpoint.root(), self.tree.root());
            if signed != computed {
                let since = self.covered.unwrap_or(self.first);
                return Err(Fault::CheckpointRoot { number, since, size, signed, computed });
            }
            self.covered = Some(size);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
