//! The store in one SQLite file, written by one process.
//!
//! Everything is written over one connection ([`ledger`]); reads have connections of their own that cannot write. What can be done to the file behind the program's
//! back is bounded by the file's mode and by triggers, and found by `verify`.

mod connection;
mod content;
mod ledger;
mod log_rows;
mod place;
pub(crate) mod read;
mod schema;

use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use concordat_engine::ports::{
    Change, Commit, OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, Search, Store,
    StoreError, StoredCheckpoint, StoredRecord, StoredRun,
};
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use sqlx::{SqliteConnection, SqlitePool};

use crate::log;
use crate::nodes::{Kept, Leaves};
use crate::open::{OpenError, Signing};
use crate::search::Index;
use crate::writer::Writer;
pub(crate) use connection::{reading, reading_alone};
use ledger::Ledger;
use place::Place;
pub(crate) use place::private;

/// A connection that writes, for whoever has the file for themselves as long as the other value lives.
pub(crate) async fn writing_alone(path: &Path) -> Result<(impl Sized + Send, SqliteConnection), OpenError> {
    let place = Place::claim(path)?;
    let mut connection = connection::writing(&place.path).await?;
    schema::migrate(&mut connection).await?;
    Ok((place, connection))
}

/// The store in one SQLite file. Dropping it stops it; [`close`](Store::close) stops it in order.
#[derive(Debug)]
pub struct Sqlite {
    readers: SqlitePool,
    writer: Writer,
    kept: Kept,
    index: Index,
}

impl Sqlite {
    /// Opens a database for this process alone, and creates it if there is none.
    ///
    /// # Errors
    /// When the file, SQLite, its settings, the schema or the log is not as it must be; nothing was changed then,
    /// apart from an empty database.
    pub async fn open(path: &Path, signing: Signing) -> Result<Sqlite, OpenError> {
        let place = Place::claim(path)?;
        let mut connection = connection::writing(&place.path).await?;
        schema::migrate(&mut connection).await?;
        content::prepare(&mut connection).await?;
        let head = log::read(&mut connection, &signing).await?;
        connection::settle(&mut connection).await?;
        let readers = connection::reading(&place.path);
        let index = Index::beside(&place.path);
        let ledger = Ledger { connection, place };
        let writer = Writer::start(ledger, head.tree, head.kept.clone(), signing);
        Ok(Sqlite { readers, writer, kept: head.kept, index })
    }
}

#[async_trait]
impl Store for Sqlite {
    fn commit(&self, change: Change) -> Commit {
        self.writer.commit(change)
    }

    async fn open_runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        read::open_runs(&self.readers).await
    }

    async fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError> {
        read::run(&self.readers, id).await
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<RunRow>, StoreError> {
        read::runs(&self.readers, filter, page).await
    }

    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<StoredRecord>, StoreError> {
        read::records(&self.readers, filter, page).await
    }

    async fn find(&self, search: &Search, page: Page) -> Result<Vec<StoredRecord>, StoreError> {
        self.index.find(self, search, page).await
    }

    async fn record(&self, id: &str) -> Result<Option<StoredRecord>, StoreError> {
        read::record(&self.readers, id).await
    }

    async fn payload(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        read::payload(&self.readers, digest).await
    }

    async fn owners(&self, filter: &OwnerFilter, page: Page) -> Result<Vec<String>, StoreError> {
        read::owners(&self.readers, filter, page).await
    }

    async fn forgotten(&self, owner: &str) -> Result<Option<String>, StoreError> {
        read::forgotten(&self.readers, owner).await
    }

    async fn reply(&self, caller: &str, key: &str) -> Result<Option<SavedReply>, StoreError> {
        read::reply(&self.readers, caller, key).await
    }

    async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        read::checkpoint(&self.readers).await
    }

    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, StoreError> {
        read::checkpoint_from(&self.readers, size).await
    }

    async fn within(&self, from: Option<&str>, to: Option<&str>) -> Result<Option<Range<u64>>, StoreError> {
        read::within(&self.readers, from, to).await
    }

    async fn stored(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        read::stored(&self.readers, digests).await
    }

    async fn nodes(&self, nodes: &[Node]) -> Result<Vec<Hash>, StoreError> {
        let mut leaves = Leaves::default();
        for range in self.kept.missing(nodes)? {
            let bytes = read::leaves(&self.readers, &range).await?;
            leaves.add(range, &bytes)?;
        }
        self.kept.hashes(nodes, &leaves)
    }

    async fn close(&self) {
        // The last connection to close folds the WAL into the database file, and only the writer may.
        self.readers.close().await;
        self.writer.close().await;
    }
}
