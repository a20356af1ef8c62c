//! The small files of evidence, read whole and never longer than they can be.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use concordat_ledger::tree::Hash;
use concordat_ledger::{Frontier, Verifier};
use sha2::{Digest as _, Sha256};

use super::manifest::Seen;
use super::wrong::Wrong;

/// Content that is hashed while it is read.
pub(super) struct Hashed<'a> {
    content: &'a mut dyn Read,
    hash: Sha256,
    bytes: u64,
    announced: u64,
}

impl<'a> Hashed<'a> {
    /// Content that should be so many bytes long.
    pub(super) fn new(content: &'a mut dyn Read, announced: u64) -> Hashed<'a> {
        Hashed { content, hash: Sha256::new(), bytes: 0, announced }
    }

    /// What was read, once nothing is left of it.
    pub(super) fn end(mut self) -> io::Result<Seen> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Seen { bytes: self.bytes, digest: self.hash.finalize().into() })
    }
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        // A copy that broke off is no forgery: it must not be told as one.
        if read == 0 && !buffer.is_empty() && self.bytes < self.announced {
            let why = format!("it is cut off after {} of {} bytes", self.bytes, self.announced);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

/// The first bytes of a file.
pub(super) fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(512).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A text of at most so many bytes.
pub(super) fn text(file: &str, content: &mut dyn Read, most: u64) -> Result<String, Wrong> {
    let unusable = |why: String| Wrong::Unusable { file: file.to_owned(), why };
    let mut text = String::new();
    match content.take(most + 1).read_to_string(&mut text) {
        Err(error) => Err(unusable(error.to_string())),
        Ok(_) if text.len() as u64 > most => Err(unusable(format!("it is longer than {most} bytes"))),
        Ok(_) => Ok(text),
    }
}

/// Public keys, one a line.
pub(super) fn keys(file: &str, text: &str) -> Result<Vec<Verifier>, Wrong> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong = |why: concordat_ledger::note::KeyError| Wrong::Unusable {
        file: file.to_owned(),
        why: why.to_string(),
    };
    lines.map(|line| line.parse().map_err(wrong)).collect()
}

/// The edge of a tree: its size, and the hashes of its full subtrees.
pub(super) fn edge(text: &str) -> Result<Frontier, Wrong> {
    let (size, peaks) = numbered("before", text.lines())?;
    Frontier::resume(size, peaks)
        .map_err(|why| Wrong::Unusable { file: "before".to_owned(), why: why.to_string() })
}

/// A consistency proof: the size that it starts from, and its hashes.
pub(super) fn consistency(text: &str) -> Result<(u64, Vec<Hash>), Wrong> {
    match text.strip_prefix("old ") {
        Some(rest) => numbered("consistency", rest.lines()),
        None => Err(Wrong::Unusable {
            file: "consistency".to_owned(),
            why: "its first line is not `old <size>`".to_owned(),
        }),
    }
}

fn numbered<'a>(file: &str, mut lines: impl Iterator<Item = &'a str>) -> Result<(u64, Vec<Hash>), Wrong> {
    let unusable = |why: String| Wrong::Unusable { file: file.to_owned(), why };
    let first = lines.next().unwrap_or_default();
    let size = first.parse().map_err(|error| unusable(format!("`{first:.20}` is no size ({error})")))?;
    let hash = |line: &str| line.parse().map_err(|error| unusable(format!("{error}")));
    Ok((size, lines.map(hash).collect::<Result<_, _>>()?))
}
