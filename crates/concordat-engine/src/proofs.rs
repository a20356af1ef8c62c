//! What shows a stranger that a record is in the log, and that the log only grew.
//!
//! The hashes come from the store, which keeps the larger subtrees in memory; what they prove is put together by
//! `concordat-ledger`. Nothing here changes anything, and nothing is handed out that would not verify.

use concordat_ledger::Receipt;
use concordat_ledger::tree::{Consistency, Inclusion, ProofError, Tile};

use crate::error::EngineError;
use crate::ports::{Page, RecordFilter, Search, Store, StoredCheckpoint, StoredRecord};

/// The receipt of a record: under the checkpoint of so many records, or under the first one that covers it.
///
/// # Errors
/// No such checkpoint is signed, or the store cannot be read.
pub async fn receipt(
    store: &dyn Store,
    stored: &StoredRecord,
    size: Option<u64>,
) -> Result<Receipt, EngineError> {
    let least = size.unwrap_or(stored.index.saturating_add(1));
    let missing =
        || EngineError::NotFound { what: "checkpoint that covers the record", id: least.to_string() };
    let found = store.checkpoint_from(least).await?.ok_or_else(missing)?;
    if size.is_some_and(|size| size != found.size) || found.size <= stored.index {
        return Err(missing());
    }
    let nodes = Inclusion::nodes(stored.index, found.size).map_err(|error| stored.odd(error))?;
    let mut hashes = store.nodes(&nodes).await?.into_iter();
    let proof = Inclusion::prove(stored.index, found.size, |_| hashes.next());
    let proof = proof.map_err(|error| stored.odd(error))?;
    Receipt::of_stored(stored.record.leaf(), &proof, &found.note).map_err(|error| stored.odd(error))
}

/// The proof that the log of `new` records begins with the log of `old` ones.
///
/// # Errors
/// The log is not that long, or the store cannot be read.
pub async fn consistency(store: &dyn Store, old: u64, new: u64) -> Result<Consistency, EngineError> {
    newest(store, new).await?;
    let shrinks = |error: ProofError| EngineError::Conflict(error.to_string());
    let nodes = Consistency::nodes(old, new).map_err(shrinks)?;
    let mut hashes = store.nodes(&nodes).await?.into_iter();
    Consistency::prove(old, new, |_| hashes.next()).map_err(shrinks)
}

/// The hashes of a tile, end to end.
///
/// # Errors
/// The log has no such tile yet, or the store cannot be read.
pub async fn tile(store: &dyn Store, tile: Tile) -> Result<Vec<u8>, EngineError> {
    if !store.checkpoint().await?.is_some_and(|newest| tile.is_of(newest.size)) {
        return Err(absent(tile));
    }
    let hashes = store.nodes(&tile.nodes()).await?;
    Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
}

/// Which records are below a tile of the leaves.
#[must_use]
pub fn below(tile: Tile) -> (Search, Page) {
    let page = Page::of(u32::try_from(tile.width()).unwrap_or(1));
    let filter = RecordFilter { from: tile.first(), ..RecordFilter::default() };
    (Search { filter, ..Search::default() }, page)
}

/// These records as a tile holds them: each behind its length in two bytes, the higher one first.
///
/// # Errors
/// Records are missing, since the log has no such tile yet.
pub fn bundle(tile: Tile, records: &[StoredRecord]) -> Result<Vec<u8>, EngineError> {
    if records.len() as u64 != tile.width() {
        return Err(absent(tile));
    }
    let mut bundle = Vec::new();
    for stored in records {
        let bytes = stored.record.bytes();
        let length = u16::try_from(bytes.len()).map_err(|error| stored.odd(error))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(bytes);
    }
    Ok(bundle)
}

fn absent(tile: Tile) -> EngineError {
    EngineError::NotFound { what: "tile", id: tile.to_string() }
}

/// The newest checkpoint, which must be of at least so many records.
async fn newest(store: &dyn Store, size: u64) -> Result<StoredCheckpoint, EngineError> {
    let missing = || EngineError::NotFound { what: "checkpoint of so many records", id: size.to_string() };
    store.checkpoint().await?.filter(|newest| newest.size >= size).ok_or_else(missing)
}
