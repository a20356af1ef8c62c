//! Reads a log without a server: for reports and exports from a database that somebody was given.
//!
//! Nothing is written, no lock is taken, and a server may go on writing meanwhile: what is read lies before a
//! checkpoint, and so does not change. Whether it is what was signed is for the reader to compare.

use std::collections::HashMap;
use std::ops::Range;

use concordat_engine::ports::{Page, RecordFilter, StoreError};
use concordat_ledger::tree::{Hash, Node};
use concordat_ledger::{Frontier, Record};
use concordat_model::digest::Digest;
use sqlx::{PgPool, SqlitePool};

use crate::database::Database;
use crate::{postgres, sqlite};

/// A log that is only read.
#[derive(Debug)]
pub struct Reading(Readers);

#[derive(Debug)]
enum Readers {
    File(SqlitePool),
    Server(PgPool),
}

/// Leaf hashes of one statement.
const CHUNK: u64 = 4096;

impl Reading {
    /// Will read this database; whether it can is seen with the first question.
    ///
    /// # Errors
    /// When the path of a file cannot be made an absolute one.
    pub fn of(database: &Database) -> std::io::Result<Reading> {
        Ok(Reading(match database {
            Database::File(path) => Readers::File(sqlite::reading(&std::path::absolute(path)?)),
            Database::Server(address) => Readers::Server(postgres::reading(&address.0)),
        }))
    }

    /// The smallest range of records that holds every one whose time is at or after `from` and before `to`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn within(
        &self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Option<Range<u64>>, StoreError> {
        match &self.0 {
            Readers::File(readers) => sqlite::read::within(readers, from, to).await,
            Readers::Server(readers) => postgres::read::within(readers, from, to).await,
        }
    }

    /// The smallest checkpoint of at least so many records, as it was signed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn checkpoint_from(&self, size: u64) -> Result<Option<String>, StoreError> {
        let found = match &self.0 {
            Readers::File(readers) => sqlite::read::checkpoint_from(readers, size).await?,
            Readers::Server(readers) => postgres::read::checkpoint_from(readers, size).await?,
        };
        Ok(found.map(|checkpoint| checkpoint.note))
    }

    /// Records from an index on, as many as a page has, and none at or after `until`.
    ///
    /// # Errors
    /// When the database cannot be read, or records are missing.
    pub async fn records(&self, from: u64, until: u64) -> Result<Vec<Record>, StoreError> {
        let filter = RecordFilter { from, ..RecordFilter::default() };
        let page = Page::of(u32::try_from(until.saturating_sub(from)).unwrap_or(u32::MAX));
        let stored = match &self.0 {
            Readers::File(readers) => sqlite::read::records(readers, &filter, page).await?,
            Readers::Server(readers) => postgres::read::records(readers, &filter, page).await?,
        };
        let in_order =
            |(expected, stored): (u64, &concordat_engine::ports::StoredRecord)| expected == stored.index;
        if !(from..).zip(&stored).all(in_order) {
            return Err(missing(from));
        }
        Ok(stored.into_iter().map(|stored| stored.record).collect())
    }

    /// Those of these payloads that are stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn stored(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        match &self.0 {
            Readers::File(readers) => sqlite::read::stored(readers, digests).await,
            Readers::Server(readers) => postgres::read::stored(readers, digests).await,
        }
    }

    /// The id of the record that says that an owner's payloads were forgotten.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn forgotten(&self, owner: &str) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Readers::File(readers) => sqlite::read::forgotten(readers, owner).await,
            Readers::Server(readers) => postgres::read::forgotten(readers, owner).await,
        }
    }

    /// A payload.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn payload(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.0 {
            Readers::File(readers) => sqlite::read::payload(readers, digest).await,
            Readers::Server(readers) => postgres::read::payload(readers, digest).await,
        }
    }

    /// The hashes of these nodes of the tree over the first `size` records, computed from their leaf hashes.
    ///
    /// # Errors
    /// When the database cannot be read, or a node is not of that tree.
    pub async fn nodes(&self, nodes: &[Node], size: u64) -> Result<Vec<Hash>, StoreError> {
        let mut wanted: HashMap<(u8, u64), Option<Hash>> =
            nodes.iter().map(|node| ((node.level, node.index), None)).collect();
        let mut tree = Frontier::new();
        while tree.size() < size {
            let range = tree.size()..size.min(tree.size() + CHUNK);
            let bytes = match &self.0 {
                Readers::File(readers) => sqlite::read::leaves(readers, &range).await?,
                Readers::Server(readers) => postgres::read::leaves(readers, &range).await?,
            };
            let (leaves, rest) = bytes.as_chunks::<32>();
            if !rest.is_empty() || leaves.len() as u64 != range.end - range.start {
                return Err(missing(range.start));
            }
            for leaf in leaves {
                tree.append_noting(Hash::from_bytes(*leaf), |node, hash| {
                    if let Some(found) = wanted.get_mut(&(node.level, node.index)) {
                        *found = Some(hash);
                    }
                });
            }
        }
        let hash = |node: &Node| wanted.get(&(node.level, node.index)).copied().flatten();
        nodes.iter().map(|node| hash(node).ok_or_else(|| missing(size))).collect()
    }
}

fn missing(index: u64) -> StoreError {
    StoreError::Inconsistent {
        table: "record",
        column: "idx",
        row: index.to_string(),
        why: "records from here on are missing; hint: run `audit verify`".into(),
    }
}
