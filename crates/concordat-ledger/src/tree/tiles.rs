//! Tiles (`c2sp.org/tlog-tiles`): the tree cut into files that any web server can hold and any cache may keep.
//!
//! A tile of level L is a row of up to 256 nodes that are 8 L levels above the leaves. A full tile never changes. A
//! partial one is the beginning of a row, under a path of its own for each width.
//!
//! ```text
//!   /tile/0/x001/x234/067          level 0, tile 1,234,067, full: 256 hashes
//!   /tile/1/004.p/17               level 1, tile 4, as it was when it had 17 hashes
//!   /tile/entries/x001/x234/067    the records below the first one
//! ```

use std::fmt;

use super::span::Node;
use crate::decimal::decimal;

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// The highest level that a path may name.
const MAX_LEVEL: u8 = 63;

/// Where a tile stands. Its text form is the end of its path: `1/x001/x234/067.p/17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    /// 1 to 256.
    width: u64,
}

/// A path that names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tile is named like `0/x001/x234/067`, or `1/004.p/17` while it has 17 hashes")]
pub struct BadTile;

impl Tile {
    /// Reads the two parts of a path: the level, and what follows it.
    ///
    /// # Errors
    /// When it is not exactly the path that we would write.
    pub fn read(level: &str, rest: &str) -> Result<Tile, BadTile> {
        let level = decimal(level).and_then(|level| u8::try_from(level).ok()).ok_or(BadTile)?;
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                let width = decimal(width).filter(|width| (1..TILE_WIDTH).contains(width));
                (index, width.ok_or(BadTile)?)
            }
        };
        let tile = Tile { level, index: number(index).ok_or(BadTile)?, width };
        if level <= MAX_LEVEL && name(tile.index) == index { Ok(tile) } else { Err(BadTile) }
    }

    /// All tiles of a tree of `size` leaves, the leaves first: the full ones, and the partial one that ends each row.
    pub fn of_tree(size: u64) -> impl Iterator<Item = Tile> {
        let levels = (0..=MAX_LEVEL).map(move |level| (level, row(level, size)));
        levels.take_while(|(_, count)| *count > 0).flat_map(|(level, count)| {
            let tiles = 0..count.div_ceil(TILE_WIDTH);
            tiles.map(move |index| Tile { level, index, width: (count - index * TILE_WIDTH).min(TILE_WIDTH) })
        })
    }

    /// The tile of the tree of `size` leaves that holds the node `index` of the row of tiles `level`.
    #[must_use]
    pub fn holding(level: u8, index: u64, size: u64) -> Option<Tile> {
        let count = row(level, size);
        let first = index - index % TILE_WIDTH;
        (index < count).then(|| Tile {
            level,
            index: first / TILE_WIDTH,
            width: (count - first).min(TILE_WIDTH),
        })
    }

    /// Whether the tree of `size` leaves has all of its hashes.
    #[must_use]
    pub fn is_of(self, size: u64) -> bool {
        let end = self.index.checked_mul(TILE_WIDTH).and_then(|first| first.checked_add(self.width));
        end.is_some_and(|end| end <= row(self.level, size))
    }

    /// The nodes whose hashes, end to end, are its content. None for an index that no tree reaches.
    #[must_use]
    pub fn nodes(self) -> Vec<Node> {
        let first = self.index.checked_mul(TILE_WIDTH);
        let first = first.filter(|first| first.checked_add(TILE_WIDTH).is_some());
        let level = self.level.checked_mul(8);
        first.zip(level).map_or_else(Vec::new, |(first, level)| {
            (first..first + self.width).map(|index| Node { level, index }).collect()
        })
    }

    /// Whether it has all of its hashes, so that it never changes.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// How many levels of tiles are below it.
    #[must_use]
    pub fn level(self) -> u8 {
        self.level
    }

    /// The index of its first hash in its row: for a tile of level 0, of its first record.
    #[must_use]
    pub fn first(self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH)
    }

    /// How many hashes it has, 1 to 256.
    #[must_use]
    pub fn width(self) -> u64 {
        self.width
    }

    /// The end of the path of the records below a tile of level 0: `x001/x234/067.p/17`.
    #[must_use]
    pub fn within_level(self) -> String {
        let index = name(self.index);
        if self.is_full() { index } else { format!("{index}.p/{}", self.width) }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.level, self.within_level())
    }
}

/// How many complete nodes a row has.
fn row(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * 8).unwrap_or(0)
}

/// Groups of three digits, all but the last behind an `x`.
fn name(index: u64) -> String {
    let mut name = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    name
}

/// What [`name`] wrote; more than it writes is read, so compare.
fn number(name: &str) -> Option<u64> {
    let mut number = 0_u64;
    for group in name.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let fine = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let digits: u64 = digits.parse().ok().filter(|_| fine)?;
        number = number.checked_mul(1000)?.checked_add(digits)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::super::{Frontier, Hash, Subtrees, leaf_hash, node_hash, node_of_leaves};
    use super::*;

    fn tile(text: &str) -> Result<Tile, BadTile> {
        let (level, rest) = text.split_once('/').ok_or(BadTile)?;
        Tile::read(level, rest)
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        for (text, first, width) in [
            ("0/000", 0, 256),
            ("0/067", 67 * 256, 256),
            ("1/x001/x234/067", 1_234_067 * 256, 256),
            ("5/000.p/1", 0, 1),
            ("63/x001/000.p/255", 256_000, 255),
        ] {
            let tile = tile(text).expect("tile");
            assert_eq!((tile.first(), tile.width(), tile.to_string().as_str()), (first, width, text));
        }
        for odd in [
            "",
            "0",
            "0/",
            "0/0",
            "0/0000",
            "0/x000/001",
            "0/001/002",
            "0/x001/x002",
            "00/000",
            "+1/000",
            "64/000",
            "256/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000.p",
            "0/000/",
            "0//000",
            "0/-01",
            "0/000.p/1.p/1",
            "0/x018/x446/x744/x073/x709/x551/616",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
            "entries/000",
            "0/../000",
            "0/٣٣٣",
        ] {
            assert_eq!(tile(odd), Err(BadTile), "{odd}");
        }
        let last = tile("0/x018/x446/x744/x073/x709/x551/615").expect("tile");
        assert_eq!((last.is_of(u64::MAX), last.nodes()), (false, Vec::new()));
        assert!(!tile("63/000").expect("tile").is_of(u64::MAX));
        assert_eq!(tile("63/000").expect("tile").nodes(), Vec::new());
    }

    #[test]
    fn the_tiles_of_a_tree_hold_every_hash_that_its_root_needs() {
        let (mut leaves, mut tree, mut kept) = (Vec::new(), Frontier::new(), Subtrees::new());
        for size in 1..=1025_u64 {
            let leaf = leaf_hash(&size.to_be_bytes());
            leaves.push(leaf);
            tree.append_noting(leaf, |node, hash| kept.keep(node, hash));
            let tiles: Vec<Tile> = Tile::of_tree(size).collect();
            let hashes: u64 = tiles.iter().map(|tile| tile.width()).sum();
            assert_eq!(hashes, size + size / 256, "{size}");
            assert!(tiles.iter().all(|tile| tile.is_of(size)));
            let wider = |tile: &Tile| Tile { width: tile.width + 1, ..*tile };
            assert!(tiles.iter().filter(|tile| !tile.is_full()).all(|tile| !wider(tile).is_of(size)));
        }
        // Level 1 is what level 0 hashes to.
        let above = tile("1/000.p/4").expect("tile");
        let hashes: Vec<Hash> = above.nodes().iter().filter_map(|node| kept.node(*node, &|_| None)).collect();
        let naive = |block: usize| node_of_leaves(&leaves, Node { level: 8, index: block as u64 });
        assert_eq!(hashes, (0..4).filter_map(naive).collect::<Vec<_>>());
        let pair = |at: usize| node_hash(&hashes[at], &hashes[at + 1]);
        let root = node_hash(&node_hash(&pair(0), &pair(2)), &leaves[1024]);
        assert_eq!(root, tree.root());
    }

    #[test]
    fn tiles_of_a_large_tree_are_as_in_the_specification() {
        let tiles: Vec<String> = Tile::of_tree(70_000).map(|tile| tile.to_string()).collect();
        assert_eq!(tiles.len(), 274 + 2 + 1);
        assert_eq!(tiles[273..], ["0/273.p/112", "1/000", "1/001.p/17", "2/000.p/1"]);
        assert_eq!(Tile::of_tree(0).count(), 0);
    }
}
