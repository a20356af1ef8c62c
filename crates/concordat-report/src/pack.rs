//! The evidence pack: one archive with the records, what proves them, and what was made of them.
//!
//! A plain tar (ustar) with its files sorted by name and nothing in it that depends on who made it or when, so the
//! same records under the same checkpoint give the same bytes. It is written from the front to the back, and what is
//! long (the records, the payloads) is never in memory as a whole.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The form of the manifest.
const FORMAT: &str = "concordat-evidence/1";
/// The file with the records.
pub const RECORDS: &str = "records.jsonl";
/// The file that lists all others.
const MANIFEST: &str = "manifest.json";

/// A file of a pack.
#[derive(Debug, Clone)]
pub enum Content {
    /// It is short.
    Here(Vec<u8>),
    /// It is long, and comes when it is its turn.
    Later(Measured),
}

/// How long something is, and its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// Measures what comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct Measure {
    bytes: u64,
    hash: Sha256,
}

/// What a pack says about the log.
#[derive(Debug, Clone)]
pub struct About {
    /// The name of the log.
    pub origin: String,
    /// The index of the first record.
    pub first: u64,
    /// The size of the checkpoint.
    pub size: u64,
    /// The root of the checkpoint.
    pub root: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    origin: &'a str,
    first: u64,
    size: u64,
    root: &'a str,
    files: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    bytes: u64,
    sha256: String,
}

/// A pack that is being written.
#[derive(Debug)]
pub struct Pack<W> {
    out: W,
    files: std::collections::btree_map::IntoIter<String, Content>,
    /// What is being written piece by piece, and what of it came.
    open: Option<(String, Measured, Measure)>,
}

/// The size of a block of the archive.
const BLOCK: u64 = 512;

impl Measure {
    /// Takes the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    /// What came.
    #[must_use]
    pub fn done(self) -> Measured {
        Measured { bytes: self.bytes, sha256: self.hash.finalize().into() }
    }
}

impl Measured {
    /// What a text measures.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Measured {
        let mut measure = Measure::default();
        measure.add(bytes);
        measure.done()
    }
}

impl<W: Write> Pack<W> {
    /// Begins a pack of these files; the manifest is added.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(out: W, about: &About, mut files: BTreeMap<String, Content>) -> io::Result<Pack<W>> {
        files.remove(MANIFEST);
        let lines = files.iter().map(|(path, content)| {
            let measured = content.measured();
            Line { path, bytes: measured.bytes, sha256: hex(&measured.sha256) }
        });
        let About { origin, first, size, root } = about;
        let manifest =
            Manifest { format: FORMAT, origin, first: *first, size: *size, root, files: lines.collect() };
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        files.insert(MANIFEST.to_owned(), Content::Here(text));
        Ok(Pack { out, files: files.into_iter(), open: None })
    }

    /// Writes up to the next long file, and says which it is; nothing when all is written.
    ///
    /// # Errors
    /// When it cannot be written, or the long file before was not what was announced.
    pub fn advance(&mut self) -> io::Result<Option<String>> {
        self.close()?;
        for (path, content) in self.files.by_ref() {
            header(&mut self.out, &path, content.measured().bytes)?;
            match content {
                Content::Here(bytes) => {
                    self.out.write_all(&bytes)?;
                    pad(&mut self.out, bytes.len() as u64)?;
                }
                Content::Later(measured) => {
                    self.open = Some((path.clone(), measured, Measure::default()));
                    return Ok(Some(path));
                }
            }
        }
        // Two empty blocks are the end.
        self.out.write_all(&[0; 2 * BLOCK as usize])?;
        self.out.flush()?;
        Ok(None)
    }

    /// Writes a piece of the long file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        if let Some((_, _, measure)) = &mut self.open {
            measure.add(piece);
        }
        self.out.write_all(piece)
    }

    fn close(&mut self) -> io::Result<()> {
        let Some((path, announced, came)) = self.open.take() else { return Ok(()) };
        let came = came.done();
        if came != announced {
            return Err(io::Error::other(format!("`{path}` changed while it was written")));
        }
        pad(&mut self.out, came.bytes)
    }
}

impl Content {
    fn measured(&self) -> Measured {
        match self {
            Content::Here(bytes) => Measured::of(bytes),
            Content::Later(measured) => *measured,
        }
    }
}

fn header(out: &mut impl Write, path: &str, bytes: u64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn pad(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let missing = (BLOCK - bytes % BLOCK) % BLOCK;
    io::copy(&mut io::Read::take(io::repeat(0), missing), out)?;
    Ok(())
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn packed(record: &str) -> io::Result<Vec<u8>> {
        let files = BTreeMap::from([
            ("report.csv".to_owned(), Content::Here(b"x".to_vec())),
            (RECORDS.to_owned(), Content::Later(Measured::of(b"{}\n"))),
            ("checkpoint".to_owned(), Content::Here(vec![b'c'; 512])),
        ]);
        let about = About { origin: "log".into(), first: 3, size: 4, root: "r".into() };
        let mut out = Vec::new();
        let mut pack = Pack::begin(&mut out, &about, files)?;
        assert_eq!(pack.advance()?.as_deref(), Some(RECORDS));
        pack.piece(record.as_bytes())?;
        pack.piece(b"\n")?;
        assert_eq!(pack.advance()?, None);
        Ok(out)
    }

    #[test]
    fn a_pack_is_an_archive_with_its_files_in_order() {
        let bytes = packed("{}").unwrap();
        assert_eq!(bytes, packed("{}").unwrap());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!(
                (header.mtime().unwrap(), header.mode().unwrap(), header.uid().unwrap()),
                (0, 0o644, 0)
            );
            names.push((entry.path().unwrap().display().to_string(), text.len()));
            if text.contains("files") {
                assert!(text.contains("\"first\": 3") && text.contains(&hex(&Measured::of(b"{}\n").sha256)));
            }
        }
        let names: Vec<_> = names.iter().map(|(name, bytes)| format!("{name} {bytes}")).collect();
        assert_eq!(names[0], "checkpoint 512");
        assert!(names[1].starts_with("manifest.json"));
        assert_eq!(names[2..], ["records.jsonl 3", "report.csv 1"]);
    }

    #[test]
    fn what_is_not_what_was_announced_is_no_pack() {
        assert!(packed("[]").is_err());
        assert!(packed("{} ").is_err());
    }
}
