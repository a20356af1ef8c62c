//! Proof that a leaf is in a tree.

use super::hash::{Hash, node_hash};
use super::proof::{MAX_PATH, ProofError, gather, within};
use super::span::{Node, Span};

/// The path from one leaf to the root of a tree (RFC 9162, section 2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    index: u64,
    size: u64,
    path: Vec<Hash>,
}

impl Inclusion {
    /// The stored nodes that the proof for leaf `index` in the tree of `size` leaves is made of.
    ///
    /// # Errors
    ///
    /// When the tree has no such leaf.
    pub fn nodes(index: u64, size: u64) -> Result<Vec<Node>, ProofError> {
        Ok(Self::spans(index, size)?.into_iter().flat_map(Span::nodes).collect())
    }

    /// Builds the proof from stored nodes.
    ///
    /// # Errors
    ///
    /// When the tree has no such leaf, or `fetch` does not know a node.
    pub fn prove(
        index: u64,
        size: u64,
        fetch: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<Inclusion, ProofError> {
        Ok(Inclusion { index, size, path: gather(Self::spans(index, size)?, fetch)? })
    }

    /// Takes a proof that somebody sent. It says nothing before [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// When the tree has no such leaf, or no proof is that long.
    pub fn claimed(index: u64, size: u64, path: Vec<Hash>) -> Result<Inclusion, ProofError> {
        within(size)?;
        match path.len() {
            _ if index >= size => Err(ProofError::NoSuchLeaf { index, size }),
            found if found > MAX_PATH => Err(ProofError::Length { found }),
            _ => Ok(Inclusion { index, size, path }),
        }
    }

    /// Accepts only if the path leads from `leaf` to `root`.
    ///
    /// # Errors
    ///
    /// When the path has the wrong length or leads elsewhere.
    pub fn verify(&self, leaf: Hash, root: Hash) -> Result<(), ProofError> {
        let length = ProofError::Length { found: self.path.len() };
        let mut position = self.index;
        let mut last = self.size - 1;
        let mut hash = leaf;
        for sibling in &self.path {
            if last == 0 {
                return Err(length);
            }
            if position & 1 == 1 || position == last {
                hash = node_hash(sibling, &hash);
                // On the ragged edge levels without a sibling are passed over.
                let ascend = position.trailing_zeros();
                position >>= ascend;
                last >>= ascend;
            } else {
                hash = node_hash(&hash, sibling);
            }
            position >>= 1;
            last >>= 1;
        }
        match () {
            () if last != 0 => Err(length),
            () if hash != root => Err(ProofError::OtherRoot),
            () => Ok(()),
        }
    }

    /// Index of the leaf, counted from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of leaves of the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes beside the path, from the leaf upwards.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    fn spans(index: u64, size: u64) -> Result<Vec<Span>, ProofError> {
        within(size)?;
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let mut beside = Vec::new();
        let mut inside = Span::whole(size);
        let mut offset = index;
        while let Some((left, right)) = inside.halves() {
            if offset < left.count() {
                beside.push(right);
                inside = left;
            } else {
                offset -= left.count();
                beside.push(left);
                inside = right;
            }
        }
        beside.reverse();
        Ok(beside)
    }
}
