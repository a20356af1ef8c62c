//! What the log is when the program starts.
//!
//! The tree is rebuilt from the stored leaf hashes and must have the root that was signed last; the bodies of the
//! last batch, which a torn write would hit, are hashed again. Hashing all of them is for `verify`.

use concordat_ledger::note::CheckpointError;
use concordat_ledger::record::RecordError;
use concordat_ledger::tree::Hash;
use concordat_ledger::{Checkpoint, Frontier, Record};
use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqliteConnection};

use super::{OpenError, Signing};

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
    /// A record of the last batch is damaged.
    #[error("record {index} is damaged: {why}; hint: run `audit verify`, then restore a backup")]
    Record {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// The tree of the stored log.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    signing: &Signing,
) -> Result<Frontier, OpenError> {
    let tree = rebuild(connection).await?;
    let notes = sqlx::query("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 2");
    let notes = notes.fetch_all(&mut *connection).await?;
    let Some(newest) = notes.first() else {
        return match tree.size() {
            0 => Ok(tree),
            records => Err(BadLog::Unsigned { records }.into()),
        };
    };
    let note: String = newest.try_get(1)?;
    compare(&tree, &note, signing)?;
    let tail: i64 = notes.get(1).map_or(Ok(0), |before| before.try_get(0))?;
    hash_again(connection, tail).await?;
    Ok(tree)
}

/// Leaf hashes of one statement: a row for each would cost more than the hashing.
const CHUNK: i64 = 4096;

const LEAVES: &str = "
    SELECT
        count(*),
        CAST(group_concat(CAST(leaf AS TEXT), '') AS BLOB)
    FROM record
    WHERE idx >= ?1 AND idx < ?2
";

async fn rebuild(connection: &mut SqliteConnection) -> Result<Frontier, OpenError> {
    let ends = sqlx::query("SELECT coalesce(min(idx), 0), coalesce(max(idx) + 1, 0) FROM record");
    let ends = ends.fetch_one(&mut *connection).await?;
    let (first, end): (i64, i64) = (ends.try_get(0)?, ends.try_get(1)?);
    let mut tree = Frontier::new();
    if first != 0 {
        return Err(BadLog::Gap { index: 0 }.into());
    }
    let mut from = 0;
    while from < end {
        let until = end.min(from + CHUNK);
        let index = tree.size();
        let row = sqlx::query(LEAVES).bind(from).bind(until).fetch_one(&mut *connection).await?;
        if row.try_get::<i64, _>(0)? != until - from {
            return Err(BadLog::Gap { index }.into());
        }
        let (leaves, rest) = row.try_get::<&[u8], _>(1)?.as_chunks::<32>();
        if !rest.is_empty() || i64::try_from(leaves.len()) != Ok(until - from) {
            return Err(BadLog::Leaves { index }.into());
        }
        for leaf in leaves {
            tree.append(Hash::from_bytes(*leaf));
        }
        from = until;
    }
    Ok(tree)
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

async fn hash_again(connection: &mut SqliteConnection, from: i64) -> Result<(), OpenError> {
    let mut rows = sqlx::query("SELECT idx, leaf, body FROM record WHERE idx >= ? ORDER BY idx")
        .bind(from)
        .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let index: i64 = row.try_get(0)?;
        let bad = |why: String| BadLog::Record { index: index.unsigned_abs(), why };
        let (leaf, body): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        let record = Record::read(body).map_err(|error: RecordError| bad(error.to_string()))?;
        if record.leaf().as_bytes() != leaf {
            return Err(bad("its bytes are not those that were hashed".into()).into());
        }
    }
    Ok(())
}
