//! How a verification of evidence ends when it does not end well.

use std::io;

use concordat_ledger::note::CheckpointError;
use concordat_ledger::verify::{CannotVerify, Fault, Stop};

/// Why evidence proves nothing: it is not what was signed, or there is too little of it.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The records are not what was signed.
    #[error("{fault}: {}", fault.meaning())]
    Fault {
        /// The first fault.
        fault: Fault,
    },
    /// A file is not what the manifest says.
    #[error("`{file}` is not the file that the manifest lists: {what}")]
    Altered {
        /// The file.
        file: String,
        /// What differs.
        what: &'static str,
    },
    /// A file has other content than its name says.
    #[error("`{file}` has the SHA-256 {computed}, so its content was exchanged")]
    Exchanged {
        /// The file.
        file: String,
        /// The digest of its content.
        computed: String,
    },
    /// Manifest and checkpoint are of different logs or sizes.
    #[error("the manifest says {what} `{said}`, but the checkpoint says `{signed}`")]
    Contradiction {
        /// Which value.
        what: &'static str,
        /// The manifest's.
        said: String,
        /// The signed one.
        signed: String,
    },
    /// The log does not continue the earlier checkpoint.
    #[error("the log does not continue the checkpoint of {old} records: {why}")]
    Forked {
        /// Size of the earlier checkpoint.
        old: u64,
        /// What the proof lacks.
        why: String,
    },
    /// A file that must be there is not.
    #[error("`{file}` is missing, so nothing can be said")]
    Missing {
        /// The file.
        file: String,
    },
    /// A file cannot be read as what it should be.
    #[error("`{file}` cannot be used: {why}")]
    Unusable {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// The archive or folder holds what evidence never holds.
    #[error("this is not evidence as Concordat writes it: {why}")]
    Refused {
        /// What was found.
        why: String,
    },
    /// The checkpoint that was kept elsewhere is not of this log.
    #[error("the checkpoint that you kept: {why}")]
    Kept {
        /// Why it cannot be opened.
        why: CheckpointError,
    },
    /// The evidence does not reach the checkpoint that was kept elsewhere.
    #[error("the checkpoint that you kept has {kept} records, {reach}")]
    OutOfReach {
        /// Its size.
        kept: u64,
        /// Which checkpoints could be compared.
        reach: String,
    },
    /// Evidence is missing.
    #[error(transparent)]
    CannotVerify(#[from] CannotVerify),
    /// A file cannot be read.
    #[error("`{file}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why not.
        why: io::Error,
    },
}

impl Wrong {
    /// Whether the evidence was found wrong; otherwise there was too little to say.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Wrong::Fault { .. }
            | Wrong::Altered { .. }
            | Wrong::Exchanged { .. }
            | Wrong::Contradiction { .. }
            | Wrong::Forked { .. } => true,
            Wrong::Missing { .. }
            | Wrong::Unusable { .. }
            | Wrong::Refused { .. }
            | Wrong::Kept { .. }
            | Wrong::OutOfReach { .. }
            | Wrong::CannotVerify(_)
            | Wrong::Unreadable { .. } => false,
        }
    }

    pub(super) fn refused(why: impl Into<String>) -> Wrong {
        Wrong::Refused { why: why.into() }
    }
}

impl From<Stop> for Wrong {
    fn from(stop: Stop) -> Wrong {
        match stop {
            Stop::Fault(fault) => Wrong::Fault { fault },
            Stop::CannotVerify(missing) => missing.into(),
        }
    }
}
