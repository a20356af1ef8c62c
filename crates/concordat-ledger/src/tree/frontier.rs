//! The growing edge of the tree: enough to append and to say the root, and nothing more.

use super::MAX_SIZE;
use super::hash::{Hash, node_hash};
use super::span::{Node, Span, bag};

/// A tree that grows on the right, kept as the hashes of its perfect subtrees (at most 53, the largest first).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The number of hashes does not follow from the size.
    #[error(
        "a tree of {size} records has {expected} edge hashes, {found} are stored; hint: rebuild them from the records"
    )]
    Count {
        /// Stored number of leaves.
        size: u64,
        /// How many hashes that size has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// The size is above [`MAX_SIZE`].
    #[error("a tree has at most {MAX_SIZE} records, the stored size is {size}")]
    Size {
        /// Stored number of leaves.
        size: u64,
    },
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// Continues from what [`size`](Self::size) and [`peaks`](Self::peaks) said before.
    ///
    /// Whether they are the right hashes is not decided here: compare [`root`](Self::root) with a checkpoint.
    ///
    /// # Errors
    ///
    /// When the number of hashes does not follow from the size, or the size is above [`MAX_SIZE`].
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Result<Frontier, FrontierError> {
        let expected = Span::whole(size).nodes().count();
        match peaks.len() {
            _ if size > MAX_SIZE => Err(FrontierError::Size { size }),
            found if found != expected => Err(FrontierError::Count { size, expected, found }),
            _ => Ok(Frontier { size, peaks }),
        }
    }

    /// The nodes whose hashes a tree of `size` leaves is resumed from, the largest first.
    #[must_use]
    pub fn nodes(size: u64) -> Vec<Node> {
        Span::whole(size).nodes().collect()
    }

    /// Adds a leaf and gives its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        self.append_noting(leaf, |_, _| {})
    }

    /// Adds a leaf, gives its index, and names every node that it completed, the leaf first.
    ///
    /// Whoever stores these nodes can later answer every proof without hashing records again.
    pub fn append_noting(&mut self, leaf: Hash, mut completed: impl FnMut(Node, Hash)) -> u64 {
        let index = self.size;
        let mut node = Node { level: 0, index };
        let mut hash = leaf;
        completed(node, hash);
        while node.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            completed(node, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        index
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        bag(&self.peaks)
    }

    /// The hashes to store, the largest subtree first; see [`resume`](Self::resume).
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::{empty_root, leaf_hash};
    use super::super::span::node_of_leaves;
    use super::*;

    /// RFC 6962 section 2.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_certificate_transparency_reference() {
        let inputs: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::new();
        for (input, root) in inputs.into_iter().zip(roots) {
            tree.append(leaf_hash(input));
            let hex: String = tree.root().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, root);
        }
    }

    #[test]
    fn root_nodes_and_resumption_agree_with_the_definition() {
        let mut leaves = Vec::new();
        let mut tree = Frontier::new();
        for size in 0..=130_u64 {
            assert_eq!(tree.size(), size);
            assert_eq!(tree.root(), naive_root(&leaves), "size {size}");
            assert_eq!(Frontier::resume(size, tree.peaks().to_vec()), Ok(tree.clone()));
            let nodes = Frontier::nodes(size).into_iter();
            let peaks: Vec<_> = nodes.filter_map(|node| node_of_leaves(&leaves, node)).collect();
            assert_eq!(tree.peaks(), peaks);
            let leaf = leaf_hash(&size.to_be_bytes());
            leaves.push(leaf);
            let index =
                tree.append_noting(leaf, |node, hash| assert_eq!(node_of_leaves(&leaves, node), Some(hash)));
            assert_eq!(index, size);
        }
    }

    #[test]
    fn impossible_frontiers_are_refused() {
        let hash = leaf_hash(b"");
        assert_eq!(
            Frontier::resume(3, vec![hash]),
            Err(FrontierError::Count { size: 3, expected: 2, found: 1 })
        );
        assert_eq!(Frontier::resume(u64::MAX, vec![hash; 64]), Err(FrontierError::Size { size: u64::MAX }));
    }
}
