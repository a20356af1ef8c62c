//! What a witness is asked, and how it decides (`c2sp.org/tlog-witness`).
//!
//! ```text
//!   old 20852014                     <- the size that it cosigned last
//!   PlRNCrwHpqhGrupue0L7gxbjbMiK…    <- the proof that nothing before it changed
//!   …
//!
//!   example.com/concordat            <- the checkpoint, word for word
//!   …
//! ```
//!
//! A witness sees sizes and roots, never a record. It promises one thing: of one log it never cosigns two heads
//! that contradict each other. So whoever calls [`Proposal::judge`] holds a lock from reading the last head until
//! the new one is on disk, and answers only then.

use crate::decimal::decimal;
use crate::note::{Checkpoint, CheckpointError, MAX_NOTE, NoteError, Verifier, claimed};
use crate::tree::{Consistency, Hash, empty_root};

/// Most hashes of a proof in a request.
const MAX_PROOF: usize = 63;

/// Most bytes of a request.
pub const MAX_REQUEST: usize = MAX_NOTE + 64 * (MAX_PROOF + 2);

/// The media type of an answer that tells the last size.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// The head that a witness cosigned last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records there were.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A request that is signed by a known log. Whether it continues what was seen is still to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    old: u64,
    proof: Vec<Hash>,
    checkpoint: Checkpoint,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCosigned {
    /// The request is not of the form.
    #[error("the request is not `old <size>`, hashes, an empty line and a checkpoint: {0}")]
    Form(String),
    /// The old size is above the new one.
    #[error("the old size {old} is above the checkpoint's, {size}")]
    Shrinks {
        /// The old size.
        old: u64,
        /// The new size.
        size: u64,
    },
    /// The log is not one that is witnessed here.
    #[error("the log `{0}` is not witnessed here")]
    UnknownLog(String),
    /// No key of the log signed the checkpoint.
    #[error("the checkpoint is not signed by the log: {0}")]
    Unsigned(CheckpointError),
    /// The old size is not that of the last cosigned head, or the same size has another root.
    #[error("the last cosigned checkpoint has {latest} records{}", if *.forked { ", and another root" } else { "" })]
    Conflict {
        /// The size of the last cosigned head.
        latest: u64,
        /// Whether the sizes are the same, and the roots are not: the log shows two histories.
        forked: bool,
    },
    /// The proof does not lead from the last head to this one.
    #[error("the proof does not show that the log continues what was cosigned last")]
    Proof,
}

impl Head {
    /// The head of a log of which nothing was seen yet.
    #[must_use]
    pub fn none() -> Head {
        Head { size: 0, root: empty_root() }
    }
}

impl NotCosigned {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            NotCosigned::Form(_) | NotCosigned::Shrinks { .. } => 400,
            NotCosigned::Unsigned(_) => 403,
            NotCosigned::UnknownLog(_) => 404,
            NotCosigned::Conflict { .. } => 409,
            NotCosigned::Proof => 422,
        }
    }
}

/// The request for a checkpoint, for a witness that cosigned `old` records last.
#[must_use]
pub fn request(old: u64, proof: &[Hash], checkpoint: &Checkpoint) -> String {
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    format!("old {old}\n{proof}\n{}", checkpoint.note())
}

impl Proposal {
    /// Reads a request, and accepts it only if a key of the log that it names signed its checkpoint.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    pub fn open(body: &[u8], logs: &[Verifier]) -> Result<Proposal, NotCosigned> {
        let (old, proof, note) = read(body).map_err(|why| NotCosigned::Form(why.to_owned()))?;
        let head = claimed(note).ok_or_else(|| NotCosigned::Form("the note is no checkpoint".to_owned()));
        let (origin, size, _) = head?;
        let known: Vec<Verifier> = logs.iter().filter(|log| log.name() == origin).cloned().collect();
        if known.is_empty() {
            return Err(NotCosigned::UnknownLog(origin.to_owned()));
        }
        let checkpoint = Checkpoint::open(note.as_bytes(), &known).map_err(|error| match error {
            CheckpointError::Note(NoteError::UnknownKeys | NoteError::BadSignature { .. })
            | CheckpointError::Replaced { .. } => NotCosigned::Unsigned(error),
            other => NotCosigned::Form(other.to_string()),
        })?;
        if old > size {
            return Err(NotCosigned::Shrinks { old, size });
        }
        Ok(Proposal { old, proof, checkpoint })
    }

    /// The head to keep, if it continues the one that was cosigned last.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn judge(&self, latest: Head) -> Result<Head, NotCosigned> {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        if self.old != latest.size {
            return Err(NotCosigned::Conflict { latest: latest.size, forked: false });
        }
        if self.old == size && root != latest.root {
            return Err(NotCosigned::Conflict { latest: latest.size, forked: true });
        }
        let proof = Consistency::claimed(self.old, size, self.proof.clone());
        proof.and_then(|proof| proof.verify(latest.root, root)).map_err(|_| NotCosigned::Proof)?;
        Ok(Head { size, root })
    }

    /// The checkpoint, signed by its log.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

fn read(body: &[u8]) -> Result<(u64, Vec<Hash>, &str), &'static str> {
    if body.len() > MAX_REQUEST {
        return Err("it is too long");
    }
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    let (head, note) = text.split_once("\n\n").ok_or("there is no empty line")?;
    let mut lines = head.split('\n');
    let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
    let old = old.ok_or("the first line is another")?;
    let proof: Vec<Hash> =
        lines.map(str::parse).collect::<Result<_, _>>().map_err(|_| "a line is no hash")?;
    if proof.len() > MAX_PROOF {
        return Err("a proof has at most 63 hashes");
    }
    Ok((old, proof, note))
}

#[cfg(test)]
mod tests;
