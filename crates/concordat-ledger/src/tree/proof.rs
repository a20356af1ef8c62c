//! What both kinds of proof share: how they are fetched, and how they fail.
//!
//! A proof is built in two steps, so that a database can answer in one query: `nodes` says which hashes it
//! needs, `prove` puts them together. Whoever received a proof asks `verify`, which trusts nothing in it.

use super::MAX_SIZE;
use super::hash::Hash;
use super::span::{Node, Span};

/// Most hashes of a proof for a tree of [`MAX_SIZE`] leaves, of either kind.
pub(super) const MAX_PATH: usize = 54;

/// A proof that cannot be built, or that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size.
    #[error("a log of {size} records has no record {index}")]
    NoSuchLeaf {
        /// The index asked for.
        index: u64,
        /// Number of leaves.
        size: u64,
    },
    /// The old size is above the new one.
    #[error("a log of {new} records does not continue one of {old}")]
    Shrinks {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// The size is above [`MAX_SIZE`].
    #[error("a log has at most {MAX_SIZE} records, this size is {size}")]
    Size {
        /// The size in question.
        size: u64,
    },
    /// A stored hash was not given.
    #[error("the stored hash at level {} index {} is missing; hint: rebuild the tree from the records", .0.level, .0.index)]
    MissingNode(Node),
    /// The number of hashes does not follow from the sizes.
    #[error("the proof has {found} hashes, which is not what its sizes ask for")]
    Length {
        /// How many hashes there were.
        found: usize,
    },
    /// The computed root is another one.
    #[error("the proof leads to another root")]
    OtherRoot,
}

pub(super) fn within(size: u64) -> Result<(), ProofError> {
    if size > MAX_SIZE { Err(ProofError::Size { size }) } else { Ok(()) }
}

pub(super) fn gather(
    spans: Vec<Span>,
    mut fetch: impl FnMut(Node) -> Option<Hash>,
) -> Result<Vec<Hash>, ProofError> {
    spans.into_iter().map(|span| span.hash(&mut fetch).map_err(ProofError::MissingNode)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Consistency, Frontier, Inclusion, leaf_hash, node_of_leaves};
    use super::*;

    const SIZE: u64 = 70;

    fn leaves() -> Vec<Hash> {
        (0..SIZE).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    fn roots(leaves: &[Hash]) -> Vec<Hash> {
        let mut tree = Frontier::new();
        let mut roots = vec![tree.root()];
        for leaf in leaves {
            tree.append(*leaf);
            roots.push(tree.root());
        }
        roots
    }

    /// The same path with one hash flipped, dropped or added.
    fn broken(path: &[Hash]) -> Vec<Vec<Hash>> {
        let mut broken = vec![[path, &[leaf_hash(b"more")]].concat()];
        for place in 0..path.len() {
            let mut flipped = path.to_vec();
            flipped[place] = leaf_hash(b"other");
            broken.push(flipped);
            let mut dropped = path.to_vec();
            dropped.remove(place);
            broken.push(dropped);
        }
        broken
    }

    #[test]
    fn inclusion_of_every_leaf_in_every_tree() {
        let leaves = leaves();
        let roots = roots(&leaves);
        for size in 1..=SIZE {
            for index in 0..size {
                let mut asked = Vec::new();
                let proof = Inclusion::prove(index, size, |node| {
                    asked.push(node);
                    node_of_leaves(&leaves[..size as usize], node)
                })
                .expect("known nodes");
                let (leaf, root) = (leaves[index as usize], roots[size as usize]);
                assert_eq!(asked, Inclusion::nodes(index, size).expect("in the tree"));
                assert_eq!(proof.verify(leaf, root), Ok(()), "{index} of {size}");
                assert!(proof.verify(leaf_hash(b"other"), root).is_err());
                assert!(proof.verify(leaf, roots[size as usize - 1]).is_err());
                for path in broken(proof.path()) {
                    let claimed = Inclusion::claimed(index, size, path).expect("plausible");
                    assert!(claimed.verify(leaf, root).is_err(), "{index} of {size}");
                }
                for other in (0..size.min(12)).filter(|other| *other != index) {
                    let claimed = Inclusion::claimed(other, size, proof.path().to_vec()).expect("plausible");
                    assert!(claimed.verify(leaf, root).is_err(), "{index} as {other} of {size}");
                }
            }
        }
    }

    #[test]
    fn consistency_of_every_pair_of_trees() {
        let leaves = leaves();
        let roots = roots(&leaves);
        for new in 0..=SIZE {
            for old in 0..=new {
                let mut asked = Vec::new();
                let proof = Consistency::prove(old, new, |node| {
                    asked.push(node);
                    node_of_leaves(&leaves, node)
                })
                .expect("known nodes");
                let (before, after) = (roots[old as usize], roots[new as usize]);
                assert_eq!(asked, Consistency::nodes(old, new).expect("grows"));
                assert_eq!(proof.verify(before, after), Ok(()), "{old} to {new}");
                assert!(proof.verify(leaf_hash(b"other"), after).is_err());
                if old > 0 {
                    assert!(proof.verify(before, leaf_hash(b"other")).is_err());
                }
                for path in broken(proof.path()) {
                    let claimed = Consistency::claimed(old, new, path).expect("plausible");
                    assert!(claimed.verify(before, after).is_err(), "{old} to {new}");
                }
            }
        }
    }

    #[test]
    fn vectors_of_the_certificate_transparency_reference() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let leaves: Vec<Hash> = inputs
            .iter()
            .map(|input| {
                let bytes = (0..input.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&input[at..at + 2], 16).expect("hex"));
                leaf_hash(&bytes.collect::<Vec<u8>>())
            })
            .collect();
        let hex = |path: &[Hash]| -> Vec<String> {
            path.iter()
                .map(|hash| hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
                .collect()
        };
        let fetch = |node| node_of_leaves(&leaves, node);
        assert_eq!(
            hex(Inclusion::prove(0, 8, fetch).expect("known nodes").path()),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            hex(Consistency::prove(6, 8, fetch).expect("known nodes").path()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn impossible_requests_are_refused() {
        assert_eq!(Inclusion::nodes(3, 3), Err(ProofError::NoSuchLeaf { index: 3, size: 3 }));
        assert_eq!(Inclusion::claimed(0, 0, vec![]), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
        assert_eq!(Inclusion::nodes(0, u64::MAX), Err(ProofError::Size { size: u64::MAX }));
        assert_eq!(Consistency::nodes(4, 3), Err(ProofError::Shrinks { old: 4, new: 3 }));
        let long = vec![leaf_hash(b""); MAX_PATH + 1];
        assert_eq!(Inclusion::claimed(0, 1, long.clone()), Err(ProofError::Length { found: MAX_PATH + 1 }));
        assert_eq!(Consistency::claimed(1, 2, long), Err(ProofError::Length { found: MAX_PATH + 1 }));
        let missing = Inclusion::prove(0, 4, |_| None);
        assert_eq!(missing, Err(ProofError::MissingNode(Node { level: 0, index: 1 })));
        assert_eq!(Inclusion::nodes(MAX_SIZE - 1, MAX_SIZE).map(|nodes| nodes.len() <= MAX_PATH), Ok(true));
    }
}
