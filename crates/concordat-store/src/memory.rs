//! The store in memory, for simulation: a disk that can be pulled out of a running program and put into the next.
//!
//! Batches, tree, checkpoints and the check at a start are the same as for a database; only what lies under them
//! differs. A [`Disk`] holds what is durable. What a program handed over and what was not durable yet when it
//! crashed is lost, and each transaction goes as its [`Passage`] says: at once or late, well or not, and with an
//! outcome that the program may never learn.

mod disk;
mod ledger;

use std::ops::Range;

use async_trait::async_trait;
use concordat_engine::ports::{
    Change, Commit, OwnerFilter, Page, RecordFilter, RunFilter, RunRow, SavedReply, Search, Store,
    StoreError, StoredCheckpoint, StoredRecord, StoredRun,
};
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;

use crate::log;
use crate::nodes::{Kept, Leaves};
use crate::open::{OpenError, Signing};
use crate::writer::Writer;
pub use disk::Disk;
use ledger::Ledger;
pub use ledger::{End, Passage, Passages};

/// The store in memory.
pub struct Memory {
    disk: Disk,
    opening: u64,
    writer: Writer,
    kept: Kept,
}

impl Memory {
    /// Opens a disk for one program alone: whatever had it open before can neither read nor write it any more.
    ///
    /// # Errors
    /// The log on the disk is not what was signed.
    pub async fn open(disk: &Disk, signing: Signing, passages: Passages) -> Result<Memory, OpenError> {
        let opening = disk.open();
        let head = log::read(&mut disk.clone(), &signing).await?;
        let ledger = Ledger::new(disk.clone(), opening, passages);
        let writer = Writer::start(ledger, head.tree, head.kept.clone(), signing);
        Ok(Memory { disk: disk.clone(), opening, writer, kept: head.kept })
    }

    /// Reads, after letting others go first as a real disk would.
    async fn read<T>(&self, ask: impl FnOnce(&disk::Tables) -> T + Send) -> Result<T, StoreError>
    where
        T: Send,
    {
        tokio::task::yield_now().await;
        self.disk.read(self.opening, ask).ok_or_else(|| StoreError::Unavailable("the store is closed".into()))
    }
}

#[async_trait]
impl Store for Memory {
    fn commit(&self, change: Change) -> Commit {
        self.writer.commit(change)
    }

    async fn open_runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        self.read(disk::Tables::open_runs).await?
    }

    async fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError> {
        self.read(|tables| tables.run(id)).await?
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<RunRow>, StoreError> {
        self.read(|tables| tables.runs(filter, page)).await
    }

    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<StoredRecord>, StoreError> {
        self.read(|tables| tables.records(filter, page)).await
    }

    async fn find(&self, search: &Search, page: Page) -> Result<Vec<StoredRecord>, StoreError> {
        self.read(|tables| tables.find(search, page)).await
    }

    async fn record(&self, id: &str) -> Result<Option<StoredRecord>, StoreError> {
        self.read(|tables| tables.record(id)).await
    }

    async fn payload(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tables| tables.payload(digest)).await
    }

    async fn owners(&self, filter: &OwnerFilter, page: Page) -> Result<Vec<String>, StoreError> {
        self.read(|tables| tables.owners(filter, page)).await
    }

    async fn forgotten(&self, owner: &str) -> Result<Option<String>, StoreError> {
        self.read(|tables| tables.forgotten(owner)).await
    }

    async fn reply(&self, caller: &str, key: &str) -> Result<Option<SavedReply>, StoreError> {
        self.read(|tables| tables.reply(caller, key)).await
    }

    async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.read(disk::Tables::checkpoint).await
    }

    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.read(|tables| tables.checkpoint_from(size)).await
    }

    async fn within(&self, from: Option<&str>, to: Option<&str>) -> Result<Option<Range<u64>>, StoreError> {
        self.read(|tables| tables.within(from, to)).await
    }

    async fn stored(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        self.read(|tables| tables.stored(digests)).await
    }

    async fn nodes(&self, nodes: &[Node]) -> Result<Vec<Hash>, StoreError> {
        let mut leaves = Leaves::default();
        for range in self.kept.missing(nodes)? {
            let bytes = self.read(|tables| tables.leaves(&range)).await?;
            leaves.add(range, &bytes)?;
        }
        self.kept.hashes(nodes, &leaves)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.disk.close(self.opening);
    }
}
