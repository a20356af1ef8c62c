//! The store in a database of a PostgreSQL server, written by one process.
//!
//! One session writes, and it is the same session that holds an advisory lock for as long as it lives: whoever lost
//! the lock has lost the only connection that it could write over. So indices are dense and given by one process,
//! and a second one is refused at its start: it would otherwise sit there like a server that hangs. (It is refused
//! only after a moment, in which the server ends the session of a predecessor that was killed.)
//!
//! ```text
//!   writer ──▶ session: lock, BEGIN, one statement, COMMIT ──▶ server
//!                 │ lost                                          ▲
//!                 └▶ a new session: lock, is the newest checkpoint the one that we know? ── yes: go on
//!                                                                  └ no: write nothing any more
//! ```

mod connection;
mod content;
mod ledger;
mod log_rows;
pub(crate) mod read;
mod schema;

use std::ops::Range;

use async_trait::async_trait;
use concordat_engine::ports::{
    Change, Commit, OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, Search, Store,
    StoreError, StoredCheckpoint, StoredRecord, StoredRun,
};
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use sqlx::{PgConnection, PgPool};

use crate::database::Address;
use crate::log;
use crate::nodes::{Kept, Leaves};
use crate::open::{OpenError, Signing};
use crate::search::Index;
use crate::writer::Writer;
pub(crate) use connection::{reading, reading_alone};
use ledger::{Ledger, Patience};

/// A session that writes and holds the lock for as long as it lives.
pub(crate) async fn writing_alone(address: &Address) -> Result<PgConnection, OpenError> {
    let mut session = ledger::session(address, Patience::default()).await?;
    schema::migrate(&mut session).await?;
    Ok(session)
}

/// The store in a database of a PostgreSQL server. Dropping it stops it; [`close`](Store::close) stops it in order.
#[derive(Debug)]
pub struct Postgres {
    readers: PgPool,
    writer: Writer,
    kept: Kept,
    index: Index,
}

impl Postgres {
    /// Opens a database for this process alone, and makes its tables if there are none.
    ///
    /// # Errors
    /// When the server, its settings, the schema or the log is not as it must be; nothing was changed then, apart
    /// from a database without our schema.
    pub async fn open(address: &Address, signing: Signing) -> Result<Postgres, OpenError> {
        Postgres::patient(address, signing, Patience::default()).await
    }

    async fn patient(address: &Address, signing: Signing, patience: Patience) -> Result<Postgres, OpenError> {
        let mut session = ledger::session(address, patience).await?;
        schema::migrate(&mut session).await?;
        let head = log::read(&mut session, &signing).await?;
        let ledger = Ledger::new(address.clone(), patience, session, head.note);
        let readers = connection::reading(&address.0);
        let writer = Writer::start(ledger, head.tree, head.kept.clone(), signing);
        Ok(Postgres { readers, writer, kept: head.kept, index: Index::default() })
    }
}

#[async_trait]
impl Store for Postgres {
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
        self.readers.close().await;
        self.writer.close().await;
    }
}
