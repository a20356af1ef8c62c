//! Which stored hashes make up a part of the tree.
//!
//! The tree of RFC 6962 is full on the left and ragged on the right. Every span of leaves that a proof speaks of
//! is a row of perfect subtrees, the largest first, and a perfect subtree never changes once it is complete.
//! So perfect subtrees are what is stored and asked for; ragged ones are computed.

use super::hash::{Hash, node_hash};

/// A perfect subtree: the leaves `index * 2^level .. (index + 1) * 2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves, 0 for a leaf, below 64.
    pub level: u8,
    /// Position among the nodes of its level, counted from 0.
    pub index: u64,
}

/// Computes a node from all leaf hashes; for small logs and for tests, since it costs 2^level hashes.
#[must_use]
pub fn node_of_leaves(leaves: &[Hash], node: Node) -> Option<Hash> {
    let first = usize::try_from(node.index.checked_shl(node.level.into())?).ok()?;
    let count = 1_usize.checked_shl(node.level.into())?;
    let mut row = leaves.get(first..first.checked_add(count)?)?.to_vec();
    while row.len() > 1 {
        row = row.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// A run of leaves that is a subtree of some tree, perhaps a ragged one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    first: u64,
    count: u64,
}

impl Span {
    pub(super) fn whole(size: u64) -> Span {
        Span { first: 0, count: size }
    }

    pub(super) fn count(self) -> u64 {
        self.count
    }

    /// The two subtrees below; `None` for a leaf. The left one is the largest perfect tree that is not all of it.
    pub(super) fn halves(self) -> Option<(Span, Span)> {
        let left = match self.count {
            0 | 1 => return None,
            count => 1 << (count - 1).ilog2(),
        };
        let right = Span { first: self.first + left, count: self.count - left };
        Some((Span { first: self.first, count: left }, right))
    }

    /// The perfect subtrees that this one consists of, from left to right.
    pub(super) fn nodes(self) -> impl Iterator<Item = Node> {
        let Span { mut first, mut count } = self;
        std::iter::from_fn(move || {
            let level = count.checked_ilog2()?;
            let node = Node { level: level as u8, index: first >> level };
            first += 1 << level;
            count -= 1 << level;
            Some(node)
        })
    }

    /// The hash of this subtree, or the first node that could not be fetched.
    pub(super) fn hash(self, fetch: &mut impl FnMut(Node) -> Option<Hash>) -> Result<Hash, Node> {
        let peaks: Vec<Hash> = self.nodes().map(|node| fetch(node).ok_or(node)).collect::<Result<_, _>>()?;
        Ok(bag(&peaks))
    }
}

/// The hash over a row of perfect subtrees, the largest first.
pub(super) fn bag(peaks: &[Hash]) -> Hash {
    let folded = peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
    folded.unwrap_or_else(super::hash::empty_root)
}
