//! Why nothing was made, in the words of whoever ordered it.

use std::io;

use concordat_ledger::note::CheckpointError;
use concordat_ledger::tree::{FrontierError, ProofError};

use crate::entry::UnreadableRecord;
use crate::template::BadTemplate;

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The records cannot be read.
    #[error("the log cannot be read: {0}")]
    Source(String),
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    /// The checkpoint is not one of these keys.
    #[error("the checkpoint of the log cannot be trusted: {0}; hint: is this the right public key?")]
    Checkpoint(CheckpointError),
    /// The kept checkpoint is not one of these keys.
    #[error("the earlier checkpoint cannot be trusted: {0}; hint: is it of this log?")]
    Earlier(CheckpointError),
    /// The log does not continue the kept checkpoint.
    #[error(
        "the log does not continue the earlier checkpoint ({0}); hint: run `audit verify --checkpoint` with it"
    )]
    Forked(ProofError),
    /// The records are not those that were signed.
    #[error("the records {first} to {end} do not have the root that was signed; hint: run `audit verify`")]
    Root {
        /// The first record.
        first: u64,
        /// The size of the checkpoint.
        end: u64,
    },
    /// The stored tree is none.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
    /// There is nothing to prove.
    #[error(
        "there is no signed record in this period, so there is nothing to pack; hint: choose another period"
    )]
    Nothing,
    /// It cannot be written.
    #[error("the report cannot be written: {0}")]
    Write(#[from] io::Error),
    /// It cannot be drawn.
    #[error("the report cannot be drawn: {0}")]
    Draw(String),
}
