//! Proof that a tree is the beginning of another: nothing was changed, only added.

use super::hash::{Hash, empty_root, node_hash};
use super::proof::{MAX_PATH, ProofError, gather, within};
use super::span::{Node, Span};

/// What leads from the root of a tree to the root of the same tree, grown (RFC 9162, section 2.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    old: u64,
    new: u64,
    path: Vec<Hash>,
}

impl Consistency {
    /// The stored nodes that the proof from `old` to `new` leaves is made of.
    ///
    /// # Errors
    ///
    /// When `old` is above `new`.
    pub fn nodes(old: u64, new: u64) -> Result<Vec<Node>, ProofError> {
        Ok(Self::spans(old, new)?.into_iter().flat_map(Span::nodes).collect())
    }

    /// Builds the proof from stored nodes.
    ///
    /// # Errors
    ///
    /// When `old` is above `new`, or `fetch` does not know a node.
    pub fn prove(
        old: u64,
        new: u64,
        fetch: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<Consistency, ProofError> {
        Ok(Consistency { old, new, path: gather(Self::spans(old, new)?, fetch)? })
    }

    /// Takes a proof that somebody sent. It says nothing before [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// When `old` is above `new`, or no proof is that long.
    pub fn claimed(old: u64, new: u64, path: Vec<Hash>) -> Result<Consistency, ProofError> {
        within(new)?;
        match path.len() {
            _ if old > new => Err(ProofError::Shrinks { old, new }),
            found if found > MAX_PATH => Err(ProofError::Length { found }),
            _ => Ok(Consistency { old, new, path }),
        }
    }

    /// Accepts only if the tree under `new_root` begins with the tree under `old_root`.
    ///
    /// # Errors
    ///
    /// When the path has the wrong length or leads to other roots.
    pub fn verify(&self, old_root: Hash, new_root: Hash) -> Result<(), ProofError> {
        let length = ProofError::Length { found: self.path.len() };
        if self.old == 0 || self.old == self.new {
            let expected = if self.old == 0 { empty_root() } else { new_root };
            return match self.path.as_slice() {
                [] if old_root == expected => Ok(()),
                [] => Err(ProofError::OtherRoot),
                _ => Err(length),
            };
        }
        // A perfect old tree is its own first hash and does not stand in the proof.
        let (start, path) = match self.path.split_first() {
            _ if self.old.is_power_of_two() => (old_root, self.path.as_slice()),
            Some((first, rest)) => (*first, rest),
            None => return Err(length),
        };
        let skip = (self.old - 1).trailing_ones();
        let mut position = (self.old - 1) >> skip;
        let mut last = (self.new - 1) >> skip;
        let (mut old, mut new) = (start, start);
        for sibling in path {
            if last == 0 {
                return Err(length);
            }
            if position & 1 == 1 || position == last {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
                let ascend = position.trailing_zeros();
                position >>= ascend;
                last >>= ascend;
            } else {
                new = node_hash(&new, sibling);
            }
            position >>= 1;
            last >>= 1;
        }
        match () {
            () if last != 0 => Err(length),
            () if old != old_root || new != new_root => Err(ProofError::OtherRoot),
            () => Ok(()),
        }
    }

    /// Number of leaves of the earlier tree.
    #[must_use]
    pub fn old(&self) -> u64 {
        self.old
    }

    /// Number of leaves of the later tree.
    #[must_use]
    pub fn new_size(&self) -> u64 {
        self.new
    }

    /// The hashes of the proof, in RFC 6962 order.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    fn spans(old: u64, new: u64) -> Result<Vec<Span>, ProofError> {
        within(new)?;
        if old > new {
            return Err(ProofError::Shrinks { old, new });
        }
        if old == 0 {
            return Ok(Vec::new());
        }
        let mut beside = Vec::new();
        let mut inside = Span::whole(new);
        let mut rest = old;
        while let Some((left, right)) = inside.halves().filter(|_| rest != inside.count()) {
            if rest <= left.count() {
                beside.push(right);
                inside = left;
            } else {
                rest -= left.count();
                beside.push(left);
                inside = right;
            }
        }
        // The old tree itself is known to the asker, so only a part of it is named.
        if inside.count() != old {
            beside.push(inside);
        }
        beside.reverse();
        Ok(beside)
    }
}
