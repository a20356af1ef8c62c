//! The server's own store as the source of a report.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use concordat_engine::ports::{Page, RecordFilter, Store, StoreError};
use concordat_ledger::Record;
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_report::making::Source;

/// The log of the engine's store.
pub(super) struct Log(pub(super) Arc<dyn Store>);

impl Source for Log {
    type Error = StoreError;

    async fn within(
        &mut self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Option<Range<u64>>, StoreError> {
        self.0.within(from, to).await
    }

    async fn checkpoint_from(&mut self, size: u64) -> Result<Option<String>, StoreError> {
        Ok(self.0.checkpoint_from(size).await?.map(|checkpoint| checkpoint.note))
    }

    async fn records(&mut self, from: u64, until: u64) -> Result<Vec<Record>, StoreError> {
        let filter = RecordFilter { from, ..RecordFilter::default() };
        let page = Page::of(u32::try_from(until.saturating_sub(from)).unwrap_or(u32::MAX));
        Ok(self.0.records(&filter, page).await?.into_iter().map(|stored| stored.record).collect())
    }

    async fn stored(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, StoreError> {
        let digests: Vec<_> = digests.iter().copied().collect();
        Ok(self.0.stored(&digests).await?.into_iter().collect())
    }

    async fn forgotten(&mut self, owner: &str) -> Result<bool, StoreError> {
        Ok(self.0.forgotten(owner).await?.is_some())
    }

    async fn payload(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.payload(digest).await
    }

    async fn nodes(&mut self, nodes: &[Node], _: u64) -> Result<Vec<Hash>, StoreError> {
        self.0.nodes(nodes).await
    }
}
