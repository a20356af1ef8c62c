//! What the log is when the program starts, whichever database holds it.
//!
//! The tree is rebuilt from the stored leaf hashes and must have the root that was signed last; the bodies of the
//! last batch, which a torn write would hit, are hashed again. Hashing all of them is for `verify`.

use concordat_ledger::note::CheckpointError;
use concordat_ledger::record::RecordError;
use concordat_ledger::tree::{Hash, Subtrees};
use concordat_ledger::{Checkpoint, Frontier, Record};

use crate::batch::number;
use crate::nodes::Kept;
use crate::open::{OpenError, Signing};

/// What a start asks a database.
pub(crate) trait Stored {
    /// The first index and the one after the last.
    async fn ends(&mut self) -> sqlx::Result<(i64, i64)>;

    /// How many records there are between two indices, and their hashes end to end.
    async fn leaves(&mut self, from: i64, until: i64) -> sqlx::Result<(i64, Vec<u8>)>;

    /// The two newest checkpoints, each with the size under which it is stored, the newest first.
    async fn notes(&mut self) -> sqlx::Result<Vec<(i64, String)>>;

    /// The records between two indices: index, hash and body.
    async fn bodies(&mut self, from: i64, until: i64) -> sqlx::Result<Vec<(i64, Vec<u8>, Vec<u8>)>>;
}

/// A log that is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLog {
    /// Records are missing, or they are numbered otherwise.
    #[error(
        "of the log's records from {index} on some are missing; hint: run `audit verify`, then restore a backup"
    )]
    Gap {
        /// An index a little before the gap.
        index: u64,
    },
    /// A stored hash is not a hash.
    #[error(
        "the stored hashes from record {index} on are damaged; hint: run `audit verify`, then restore a backup"
    )]
    Leaves {
        /// Where they begin.
        index: u64,
    },
    /// There are records, but nothing was signed.
    #[error(
        "the log has {records} records and no checkpoint; hint: run `audit verify`, then restore a backup"
    )]
    Unsigned {
        /// How many there are.
        records: u64,
    },
    /// The newest checkpoint is of another number of records.
    #[error(
        "the log has {records} records, its newest checkpoint is of {signed}; hint: run `audit verify`, then restore a backup"
    )]
    Size {
        /// How many there are.
        records: u64,
        /// How many were signed.
        signed: u64,
    },
    /// The newest checkpoint has another root.
    #[error(
        "the {records} records of the log do not have the root that was signed; hint: run `audit verify`, then restore a backup"
    )]
    Root {
        /// How many there are.
        records: u64,
    },
    /// The newest checkpoint is not one of this log.
    #[error(
        "the newest checkpoint of the log cannot be trusted: {0}; hint: is the signing key the right one?"
    )]
    Checkpoint(#[from] CheckpointError),
    /// The newest checkpoint is of a log with another name.
    #[error("the log is called `{found}`, the signing key is for `{wanted}`")]
    Origin {
        /// The log's name.
        found: String,
        /// The key's name.
        wanted: String,
    },
    /// It was longer once: an older state of it was put back, or its end was cut off.
    #[error(
        "the log has {records} records, but it had {anchored}: what came after is lost, though it was acknowledged; \
         hint: restore a newer backup, or start with `--accept-restored-log REASON` if there is none"
    )]
    Behind {
        /// How many there are.
        records: u64,
        /// How many there were.
        anchored: u64,
    },
    /// Its first records are others than they were.
    #[error(
        "the first {anchored} records of the log are not those that were there before: this is another log, or it \
         was written anew; hint: restore a backup, or start with `--accept-restored-log REASON` if you know why"
    )]
    Rewritten {
        /// How many of them there were.
        anchored: u64,
    },
    /// A record of the last batch is damaged.
    #[error("record {index} is damaged: {why}; hint: run `audit verify`, then restore a backup")]
    Record {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// The stored log.
pub(crate) struct Head {
    /// Its tree.
    pub(crate) tree: Frontier,
    /// The larger subtrees of it.
    pub(crate) kept: Kept,
    /// Its newest checkpoint.
    pub(crate) note: Option<String>,
}

/// Reads the stored log.
pub(crate) async fn read(stored: &mut impl Stored, signing: &Signing) -> Result<Head, OpenError> {
    let (tree, kept) = rebuild(stored, signing.anchor.as_ref()).await?;
    let notes = stored.notes().await?;
    let Some((_, note)) = notes.first() else {
        return match tree.size() {
            0 => Ok(Head { tree, kept, note: None }),
            records => Err(BadLog::Unsigned { records }.into()),
        };
    };
    compare(&tree, note, signing)?;
    let mut tail = notes.get(1).map_or(0, |(size, _)| *size);
    let end = number(tree.size());
    while tail < end {
        let until = end.min(tail.saturating_add(CHUNK));
        hash_again(stored.bodies(tail, until).await?)?;
        tail = until;
    }
    Ok(Head { tree, kept, note: Some(note.clone()) })
}

/// Leaf hashes of one statement: a row for each would cost more than the hashing.
const CHUNK: i64 = 4096;

async fn rebuild(
    stored: &mut impl Stored,
    anchor: Option<&Checkpoint>,
) -> Result<(Frontier, Kept), OpenError> {
    let (first, end) = stored.ends().await?;
    let (mut tree, mut subtrees) = (Frontier::new(), Subtrees::new());
    if first != 0 {
        return Err(BadLog::Gap { index: 0 }.into());
    }
    let mut from = 0;
    while from < end {
        let until = end.min(from + CHUNK);
        let index = tree.size();
        let (count, leaves) = stored.leaves(from, until).await?;
        if count != until - from {
            return Err(BadLog::Gap { index }.into());
        }
        let (leaves, rest) = leaves.as_chunks::<32>();
        if !rest.is_empty() || i64::try_from(leaves.len()) != Ok(count) {
            return Err(BadLog::Leaves { index }.into());
        }
        for leaf in leaves {
            tree.append_noting(Hash::from_bytes(*leaf), |node, hash| subtrees.keep(node, hash));
            if anchor.is_some_and(|anchor| anchor.size() == tree.size() && anchor.root() != tree.root()) {
                return Err(BadLog::Rewritten { anchored: tree.size() }.into());
            }
        }
        from = until;
    }
    match anchor {
        Some(anchor) if anchor.size() > tree.size() => {
            Err(BadLog::Behind { records: tree.size(), anchored: anchor.size() }.into())
        }
        _ => Ok((tree, Kept::new(subtrees))),
    }
}

fn compare(tree: &Frontier, note: &str, signing: &Signing) -> Result<(), BadLog> {
    let signer = signing.signer.verifier();
    let known: Vec<_> = signing.earlier.iter().chain([signer]).cloned().collect();
    let checkpoint = Checkpoint::open(note.as_bytes(), &known)?;
    if checkpoint.origin() != signer.name() {
        let (found, wanted) = (checkpoint.origin().to_owned(), signer.name().to_owned());
        return Err(BadLog::Origin { found, wanted });
    }
    let records = tree.size();
    match checkpoint.size() {
        signed if signed != records => Err(BadLog::Size { records, signed }),
        _ if checkpoint.root() != tree.root() => Err(BadLog::Root { records }),
        _ => Ok(()),
    }
}

fn hash_again(records: Vec<(i64, Vec<u8>, Vec<u8>)>) -> Result<(), BadLog> {
    for (index, leaf, body) in records {
        let bad = |why: String| BadLog::Record { index: index.unsigned_abs(), why };
        let record = Record::read(&body).map_err(|error: RecordError| bad(error.to_string()))?;
        if leaf != record.leaf().as_bytes() {
            return Err(bad("its bytes are not those that were hashed".into()));
        }
    }
    Ok(())
}
