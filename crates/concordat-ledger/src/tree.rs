//! The Merkle tree of RFC 6962: many records, one hash.
//!
//! A [`Frontier`] is all that a writer keeps: about log2(n) hashes. Proofs need stored hashes; they ask for them
//! by [`Node`], so that a database, a tile cache or a slice of leaves can answer. Checking a proof needs nothing
//! but the proof. No storage here, and no signatures: a root says nothing until a checkpoint signs it.

mod consistency;
mod frontier;
mod hash;
mod inclusion;
mod proof;
mod span;
mod subtrees;
mod tiles;

pub use consistency::Consistency;
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashError, empty_root, leaf_hash, node_hash};
pub use inclusion::Inclusion;
pub use proof::ProofError;
pub use span::{Node, node_of_leaves};
pub use subtrees::{BLOCK, Subtrees};
pub use tiles::{BadTile, TILE_WIDTH, Tile};

/// Most leaves of one tree: 2^53 - 1, so that a size is exact in every JSON reader.
pub const MAX_SIZE: u64 = crate::canonical::MAX_INTEGER;
