//! The log as a folder of tiles (`c2sp.org/tlog-tiles`), which any web server can hold.
//!
//! A tile that stands there is never written again. Every full tile is hashed and compared with the one above it, and
//! the topmost with the signed root, so a folder is only given a checkpoint that its tiles lead to. The checkpoint is
//! written last: whoever reads it finds all tiles of it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use concordat_ledger::tree::{Frontier, Hash, Node, TILE_WIDTH, Tile, leaf_hash, node_of_leaves};
use concordat_ledger::{Checkpoint, Verifier};

use crate::whole_file::{self, Unwritten};

/// A folder of tiles.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Tiles that were read or written, by the beginning of their row and their place in it.
    known: HashMap<(u8, u64), Vec<Hash>>,
}

/// A folder that cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// A file cannot be read.
    #[error("the file `{}` cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// Content that is not of the length that its place asks for.
    #[error("the tile `{tile}` does not have {hashes} hashes of 32 bytes")]
    Length {
        /// The tile.
        tile: Tile,
        /// How many hashes it must have.
        hashes: u64,
    },
    /// The hashes of a tile do not lead to what stands above them.
    #[error("the tile `{tile}` does not lead to the signed root")]
    Hashes {
        /// The tile.
        tile: Tile,
    },
    /// The records of a tile are not those that it holds the hashes of.
    #[error("the records below the tile `{tile}` are not those that were signed")]
    Records {
        /// The tile.
        tile: Tile,
    },
    /// The checkpoint that stands in the folder is of a log that this one does not continue.
    #[error("the folder holds a checkpoint of {old} records that the checkpoint of {new} does not continue")]
    Forked {
        /// The size in the folder.
        old: u64,
        /// The size of the checkpoint that was to replace it.
        new: u64,
    },
}

impl Folder {
    /// A folder, which need not exist yet.
    #[must_use]
    pub fn at(path: &Path) -> Folder {
        Folder { path: path.to_owned(), known: HashMap::new() }
    }

    /// The tiles of a tree that do not stand there yet, the lowest first.
    #[must_use]
    pub fn missing(&self, size: u64) -> Vec<Tile> {
        Tile::of_tree(size).filter(|tile| !self.place(*tile).is_file()).collect()
    }

    /// The tiles of the leaves whose records do not stand there yet.
    #[must_use]
    pub fn missing_records(&self, size: u64) -> Vec<Tile> {
        let leaves = Tile::of_tree(size).take_while(|tile| tile.level() == 0);
        leaves.filter(|tile| !self.place_of_records(*tile).is_file()).collect()
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// It is not whole, or cannot be written.
    pub fn add(&mut self, tile: Tile, content: &[u8]) -> Result<(), TilesError> {
        hashes(tile, content)?;
        Ok(whole_file::write(&self.place(tile), content)?)
    }

    /// Adds the records below a tile that stands there: each behind its length in two bytes.
    ///
    /// # Errors
    /// They are not the records of the tile, or cannot be written.
    pub fn add_records(&mut self, tile: Tile, content: &[u8]) -> Result<(), TilesError> {
        let wrong = || TilesError::Records { tile };
        let mut rest = content;
        for hash in self.read(tile)? {
            let (length, after) = rest.split_first_chunk().ok_or_else(wrong)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (record, after) = after.split_at_checked(length).ok_or_else(wrong)?;
            if leaf_hash(record) != hash {
                return Err(wrong());
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(wrong());
        }
        Ok(whole_file::write(&self.place_of_records(tile), content)?)
    }

    /// Compares all tiles with a checkpoint, and if they lead to it, lets it stand in the folder.
    ///
    /// # Errors
    /// A tile is missing or wrong, or the checkpoint does not continue the one that stands there.
    pub fn sign(&mut self, checkpoint: &Checkpoint, keys: &[Verifier]) -> Result<(), TilesError> {
        let size = checkpoint.size();
        for tile in Tile::of_tree(size).filter(|tile| tile.is_full()) {
            let above = Node { level: (tile.level() + 1) * 8, index: tile.first() / TILE_WIDTH };
            if node_of_leaves(&self.read(tile)?, Node { level: 8, index: 0 }) != self.node(above, size)? {
                return Err(TilesError::Hashes { tile });
            }
        }
        if self.root(size, size)? != Some(checkpoint.root()) {
            let top = Tile::of_tree(size).last();
            return top.map_or(Ok(()), |tile| Err(TilesError::Hashes { tile }));
        }
        let place = self.path.join("checkpoint");
        match fs::read(&place) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(TilesError::File { path: place, why }),
            // A note of other keys was not ours, and proves nothing about us.
            Ok(note) => {
                if let Ok(old) = Checkpoint::open(&note, keys)
                    && (old.size() > size || self.root(old.size(), size)? != Some(old.root()))
                {
                    return Err(TilesError::Forked { old: old.size(), new: size });
                }
            }
        }
        Ok(whole_file::write(&place, checkpoint.note().as_bytes())?)
    }

    /// The root of the first `of` leaves, from the tiles of a tree of `size`.
    fn root(&mut self, of: u64, size: u64) -> Result<Option<Hash>, TilesError> {
        let mut peaks = Vec::new();
        for node in Frontier::nodes(of) {
            peaks.extend(self.node(node, size)?);
        }
        Ok(Frontier::resume(of, peaks).ok().map(|tree| tree.root()))
    }

    /// The hash of a node, from the tile of the tree that holds it or what it is made of.
    fn node(&mut self, node: Node, size: u64) -> Result<Option<Hash>, TilesError> {
        let (level, above) = (node.level / 8, node.level % 8);
        let first = node.index << above;
        let Some(tile) = Tile::holding(level, first, size) else { return Ok(None) };
        let within = Node { level: above, index: (first % TILE_WIDTH) >> above };
        Ok(node_of_leaves(&self.read(tile)?, within))
    }

    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, TilesError> {
        let key = (tile.level(), tile.first());
        if let Some(known) = self.known.get(&key).filter(|known| known.len() as u64 == tile.width()) {
            return Ok(known.clone());
        }
        let path = self.place(tile);
        let content = fs::read(&path).map_err(|why| TilesError::File { path, why })?;
        let hashes = hashes(tile, &content)?;
        // The tiles of the leaves are read once; those above them again and again.
        if tile.level() > 0 {
            self.known.insert(key, hashes.clone());
        }
        Ok(hashes)
    }

    fn place(&self, tile: Tile) -> PathBuf {
        self.path.join("tile").join(tile.to_string())
    }

    fn place_of_records(&self, tile: Tile) -> PathBuf {
        self.path.join("tile/entries").join(tile.within_level())
    }
}

fn hashes(tile: Tile, content: &[u8]) -> Result<Vec<Hash>, TilesError> {
    let (hashes, rest) = content.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() as u64 != tile.width() {
        return Err(TilesError::Length { tile, hashes: tile.width() });
    }
    Ok(hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect())
}

#[cfg(test)]
mod tests {
    use concordat_ledger::Signer;

    use super::*;

    fn record(index: u64) -> Vec<u8> {
        format!("record {index}").into_bytes()
    }

    fn signed(size: u64) -> (Checkpoint, Vec<Hash>, [Verifier; 1]) {
        let signer = Signer::from_seed("log.example/a", &[1; 32]).unwrap();
        let mut tree = Frontier::new();
        let leaves: Vec<Hash> = (0..size).map(|index| leaf_hash(&record(index))).collect();
        for leaf in &leaves {
            tree.append(*leaf);
        }
        (signer.checkpoint(&tree), leaves, [signer.verifier().clone()])
    }

    fn content(leaves: &[Hash], tile: Tile) -> Vec<u8> {
        let hash = |node: &Node| *node_of_leaves(leaves, *node).unwrap().as_bytes();
        tile.nodes().iter().flat_map(hash).collect()
    }

    fn bundle(tile: Tile) -> Vec<u8> {
        let framed = |index| {
            let record = record(index);
            [&u16::try_from(record.len()).unwrap().to_be_bytes(), record.as_slice()].concat()
        };
        (tile.first()..tile.first() + tile.width()).flat_map(framed).collect()
    }

    fn fill(folder: &mut Folder, leaves: &[Hash]) -> usize {
        let missing = folder.missing(leaves.len() as u64);
        for tile in &missing {
            folder.add(*tile, &content(leaves, *tile)).unwrap();
        }
        missing.len()
    }

    #[test]
    fn a_folder_grows_with_the_log_and_keeps_what_it_has() {
        let place = tempfile::tempdir().unwrap();
        for (size, added) in [(1, 1), (255, 1), (256, 2), (300, 1), (1025, 5), (1025, 0), (66_000, 257)] {
            let (checkpoint, leaves, keys) = signed(size);
            let mut folder = Folder::at(place.path());
            assert_eq!(fill(&mut folder, &leaves), added, "{size}");
            folder.sign(&checkpoint, &keys).unwrap();
            for tile in folder.missing_records(size.min(1025)) {
                folder.add_records(tile, &bundle(tile)).unwrap();
            }
            assert_eq!(fs::read_to_string(place.path().join("checkpoint")).unwrap(), checkpoint.note());
        }
        assert!(place.path().join("tile/0/000").is_file() && place.path().join("tile/0/004.p/1").is_file());
        assert!(
            place.path().join("tile/2/000.p/1").is_file() && place.path().join("tile/entries/003").is_file()
        );
    }

    #[test]
    fn what_does_not_lead_to_the_signed_root_gets_no_checkpoint() {
        let place = tempfile::tempdir().unwrap();
        let (checkpoint, leaves, keys) = signed(1025);
        for wrong in ["0/000", "0/004.p/1", "1/000.p/4"] {
            let mut folder = Folder::at(place.path());
            fill(&mut folder, &leaves);
            let path = place.path().join("tile").join(wrong);
            let good = fs::read(&path).unwrap();
            fs::write(&path, [&good[1..], &good[..1]].concat()).unwrap();
            assert!(matches!(folder.sign(&checkpoint, &keys), Err(TilesError::Hashes { .. })), "{wrong}");
            fs::write(&path, &good[1..]).unwrap();
            assert!(Folder::at(place.path()).sign(&checkpoint, &keys).is_err());
            fs::remove_file(&path).unwrap();
            assert!(Folder::at(place.path()).sign(&checkpoint, &keys).is_err());
            assert!(!place.path().join("checkpoint").exists());
            fs::write(&path, good).unwrap();
        }
        let mut folder = Folder::at(place.path());
        folder.sign(&checkpoint, &keys).unwrap();
        // A shorter log, and one with another history, do not take the place of what was published.
        assert!(matches!(
            folder.sign(&signed(1024).0, &keys),
            Err(TilesError::Forked { .. } | TilesError::File { .. })
        ));
        let tile = folder.missing_records(1025).remove(0);
        let good = bundle(tile);
        for wrong in [&good[..good.len() - 1], &[&good[..], b"x"].concat(), &good[2..], b""] {
            assert!(matches!(folder.add_records(tile, wrong), Err(TilesError::Records { .. })));
        }
        assert!(folder.add(tile, b"short").is_err());
    }
}
