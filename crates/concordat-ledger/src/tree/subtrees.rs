//! The hashes of the larger perfect subtrees: what a server keeps in memory so that proofs are quick.
//!
//! A perfect subtree never changes, so its hash may be kept for good. Those of [`BLOCK`] leaves and above cost 64
//! bytes for 256 records; what lies below them is computed from leaf hashes that are read when a proof asks for
//! them. A proof asks for at most two blocks: the one of its leaf (or of the old size), and the ragged last one.
//!
//! ```text
//!   wanted nodes ──▶ missing: which leaves must be read ──▶ node: hash from what is kept and what was read
//! ```
//!
//! What is kept may lag behind the log by a batch that became durable a moment ago. Nothing depends on it: what is
//! not kept yet is computed from leaves too.

use std::ops::Range;

use super::hash::{Hash, node_hash};
use super::span::Node;

/// Leaves of the smallest subtree that is kept.
pub const BLOCK: u64 = 1 << BLOCK_LEVEL;

/// The height of the smallest subtree that is kept.
const BLOCK_LEVEL: u8 = 8;

/// Most blocks that are read because they are not kept yet: a batch has far fewer.
const MOST_BLOCKS: u64 = 4096;

/// The hashes of all perfect subtrees of [`BLOCK`] leaves and above.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subtrees {
    /// A row for each height, the lowest first; what stands at `index` of a row is the node of that index.
    rows: Vec<Vec<Hash>>,
}

impl Subtrees {
    /// Those of an empty tree.
    #[must_use]
    pub fn new() -> Subtrees {
        Subtrees::default()
    }

    /// Keeps a node that [`Frontier::append_noting`](super::Frontier::append_noting) named, if it is large enough.
    ///
    /// Nodes come in the order in which they are completed. One that is kept already, or that does not follow, is
    /// left out: a hole would be filled with leaves that are read.
    pub fn keep(&mut self, node: Node, hash: Hash) {
        let Some(row) = node.level.checked_sub(BLOCK_LEVEL).map(usize::from) else { return };
        if self.rows.len() == row {
            self.rows.push(Vec::new());
        }
        let Some(row) = self.rows.get_mut(row) else { return };
        if row.len() as u64 == node.index {
            row.push(hash);
        }
    }

    /// Whether a node is large enough to be kept.
    #[must_use]
    pub fn keeps(node: Node) -> bool {
        node.level >= BLOCK_LEVEL
    }

    /// The leaves that must be read for these nodes: ranges that do not overlap, in order, none across blocks.
    ///
    /// `None` when there are so many that the nodes cannot be of this tree.
    #[must_use]
    pub fn missing(&self, nodes: &[Node]) -> Option<Vec<Range<u64>>> {
        let mut blocks = Vec::new();
        for node in nodes {
            self.add_missing(*node, &mut blocks)?;
        }
        blocks.sort_unstable_by_key(|range: &Range<u64>| range.start);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for range in blocks {
            match ranges.last_mut() {
                Some(last) if last.start / BLOCK == range.start / BLOCK => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        Some(ranges)
    }

    fn add_missing(&self, node: Node, ranges: &mut Vec<Range<u64>>) -> Option<()> {
        if node.level <= BLOCK_LEVEL {
            if self.kept(node).is_none() {
                ranges.push(leaves(node)?);
            }
            return (ranges.len() as u64 <= MOST_BLOCKS).then_some(());
        }
        if self.kept(node).is_some() {
            return Some(());
        }
        let [left, right] = halves(node)?;
        self.add_missing(left, ranges)?;
        self.add_missing(right, ranges)
    }

    /// The hash of a node, from what is kept and from the leaves of [`missing`](Self::missing).
    pub fn node(&self, node: Node, leaf: &impl Fn(u64) -> Option<Hash>) -> Option<Hash> {
        match self.kept(node) {
            Some(hash) => Some(hash),
            None if node.level == 0 => leaf(node.index),
            None => {
                let [left, right] = halves(node)?;
                Some(node_hash(&self.node(left, leaf)?, &self.node(right, leaf)?))
            }
        }
    }

    fn kept(&self, node: Node) -> Option<Hash> {
        let row = self.rows.get(usize::from(node.level.checked_sub(BLOCK_LEVEL)?))?;
        row.get(usize::try_from(node.index).ok()?).copied()
    }
}

/// The two nodes below one.
fn halves(node: Node) -> Option<[Node; 2]> {
    let level = node.level.checked_sub(1)?;
    let left = node.index.checked_mul(2)?;
    Some([Node { level, index: left }, Node { level, index: left.checked_add(1)? }])
}

/// The leaves of a node.
fn leaves(node: Node) -> Option<Range<u64>> {
    let count = 1_u64.checked_shl(node.level.into())?;
    let first = node.index.checked_mul(count)?;
    Some(first..first.checked_add(count)?)
}

#[cfg(test)]
mod tests {
    use super::super::{Consistency, Frontier, Inclusion, MAX_SIZE, leaf_hash, node_of_leaves};
    use super::*;

    const MOST: u64 = 1025;

    struct Log {
        leaves: Vec<Hash>,
        trees: Vec<Frontier>,
        kept: Subtrees,
    }

    fn log() -> Log {
        let (mut leaves, mut tree, mut kept) = (Vec::new(), Frontier::new(), Subtrees::new());
        let mut trees = vec![tree.clone()];
        for index in 0..MOST {
            let leaf = leaf_hash(&index.to_be_bytes());
            leaves.push(leaf);
            tree.append_noting(leaf, |node, hash| kept.keep(node, hash));
            trees.push(tree.clone());
        }
        Log { leaves, trees, kept }
    }

    /// Reads what is missing, and nothing else.
    fn read(
        leaves: &[Hash],
        kept: &Subtrees,
        nodes: &[Node],
    ) -> (usize, impl Fn(Node) -> Option<Hash> + use<>) {
        let ranges = kept.missing(nodes).expect("few");
        let known: std::collections::BTreeMap<u64, Hash> =
            ranges.iter().cloned().flatten().map(|at| (at, leaves[at as usize])).collect();
        let kept = kept.clone();
        (ranges.len(), move |node| kept.node(node, &|at| known.get(&at).copied()))
    }

    #[test]
    fn every_node_of_the_tree_is_the_one_of_its_leaves() {
        let log = log();
        for kept in [log.kept.clone(), Subtrees::new()] {
            for level in 0..=10_u8 {
                for index in 0..MOST >> level {
                    let node = Node { level, index };
                    let (_, fetch) = read(&log.leaves, &kept, &[node]);
                    assert_eq!(fetch(node), node_of_leaves(&log.leaves, node), "{node:?}");
                }
            }
        }
    }

    #[test]
    fn proofs_of_all_trees_read_at_most_two_blocks() {
        let log = log();
        for size in 1..=MOST {
            let root = log.trees[size as usize].root();
            // Every index for trees whose edge lies near a block's, some for the others.
            let near = [0, 1, 2, 127, 128, 255].contains(&(size % 256)) && size % 3 == 1;
            let step = if near || size <= 64 { 3 } else { 197 };
            for index in (0..size).step_by(step).chain([size - 1, size / 2]) {
                let nodes = Inclusion::nodes(index, size).expect("in the tree");
                let (ranges, fetch) = read(&log.leaves, &log.kept, &nodes);
                assert!(ranges <= 2, "{index} of {size}: {ranges}");
                let proof = Inclusion::prove(index, size, &fetch).expect("known nodes");
                assert_eq!(proof.verify(log.leaves[index as usize], root), Ok(()), "{index} of {size}");
                let nodes = Consistency::nodes(index, size).expect("grows");
                let (ranges, fetch) = read(&log.leaves, &log.kept, &nodes);
                assert!(ranges <= 2, "{index} to {size}: {ranges}");
                let proof = Consistency::prove(index, size, &fetch).expect("known nodes");
                assert_eq!(proof.verify(log.trees[index as usize].root(), root), Ok(()), "{index} to {size}");
            }
        }
    }

    #[test]
    fn what_is_kept_may_lag_behind() {
        let log = log();
        let mut behind = Subtrees::new();
        let mut tree = Frontier::new();
        for leaf in &log.leaves[..300] {
            tree.append_noting(*leaf, |node, hash| behind.keep(node, hash));
        }
        for size in [300, 511, 512, 513, 1024, 1025] {
            let nodes = Inclusion::nodes(3, size).expect("in the tree");
            let (_, fetch) = read(&log.leaves, &behind, &nodes);
            let proof = Inclusion::prove(3, size, &fetch).expect("known nodes");
            assert_eq!(proof.verify(log.leaves[3], log.trees[size as usize].root()), Ok(()), "{size}");
        }
        // What does not follow is not kept, and told twice is told once.
        let before = behind.clone();
        behind.keep(Node { level: 8, index: 3 }, log.leaves[0]);
        behind.keep(Node { level: 8, index: 0 }, log.leaves[0]);
        behind.keep(Node { level: 7, index: 0 }, log.leaves[0]);
        behind.keep(Node { level: 63, index: 0 }, log.leaves[0]);
        assert_eq!(behind, before);
    }

    #[test]
    fn nodes_that_no_tree_has_are_refused_without_much_ado() {
        let log = log();
        for node in [
            Node { level: 53, index: 0 },
            Node { level: 255, index: 0 },
            Node { level: 0, index: u64::MAX },
            Node { level: 8, index: u64::MAX },
            Node { level: 9, index: u64::MAX },
            Node { level: 30, index: MAX_SIZE },
        ] {
            assert_eq!(log.kept.missing(&[node]), None, "{node:?}");
            assert_eq!(log.kept.node(Node { level: 3, index: 900 }, &|_| None), None);
        }
    }
}
