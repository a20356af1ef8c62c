//! Hashes of the tree for whoever builds proofs: the larger subtrees from memory, the rest from stored leaf hashes.
//!
//! The writer adds to what is kept only after a batch is durable. Whoever reads may see a durable batch a moment
//! earlier than that; then a few leaves more are read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use concordat_engine::ports::StoreError;
use concordat_ledger::tree::{Hash, Node, Subtrees};
use parking_lot::RwLock;

/// The larger subtrees of the log. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Kept(Arc<RwLock<Subtrees>>);

/// Leaf hashes that were read, by their indices.
#[derive(Debug, Default)]
pub(crate) struct Leaves(HashMap<u64, Hash>);

impl Kept {
    pub(crate) fn new(subtrees: Subtrees) -> Kept {
        Kept(Arc::new(RwLock::new(subtrees)))
    }

    /// Adds the subtrees that a durable batch completed.
    pub(crate) fn extend(&self, completed: Vec<(Node, Hash)>) {
        if completed.is_empty() {
            return;
        }
        let mut kept = self.0.write();
        completed.into_iter().for_each(|(node, hash)| kept.keep(node, hash));
    }

    /// Which leaves must be read for these nodes.
    pub(crate) fn missing(&self, nodes: &[Node]) -> Result<Vec<Range<u64>>, StoreError> {
        self.0.read().missing(nodes).ok_or_else(|| absent("the log is not that long"))
    }

    /// The hashes of these nodes, from the leaves that [`missing`](Self::missing) asked for.
    pub(crate) fn hashes(&self, nodes: &[Node], leaves: &Leaves) -> Result<Vec<Hash>, StoreError> {
        let kept = self.0.read();
        let hash = |node: &Node| kept.node(*node, &|index| leaves.0.get(&index).copied());
        nodes.iter().map(|node| hash(node).ok_or_else(|| absent("a record is missing"))).collect()
    }
}

impl Leaves {
    /// Adds the hashes that stand at a range, end to end.
    pub(crate) fn add(&mut self, range: Range<u64>, bytes: &[u8]) -> Result<(), StoreError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || Ok(hashes.len()) != usize::try_from(range.end - range.start) {
            return Err(absent("a record is missing"));
        }
        self.0.extend(range.zip(hashes.iter().map(|hash| Hash::from_bytes(*hash))));
        Ok(())
    }
}

fn absent(why: &str) -> StoreError {
    StoreError::Inconsistent { table: "record", column: "leaf", row: "of a proof".into(), why: why.into() }
}
