//! Bundles as archives: a gzipped tar, as OPA builds and serves them.
//!
//! An archive is read in memory and written nowhere, so the worst that a name in it can do is to be refused. It is
//! unpacked only as far as a bundle may be large. Where it is signed, or has to be, its signature is verified before
//! anything in it is read as policy or data.

mod hash;
mod signature;

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tar::{Archive, EntryType, Header};

pub use self::signature::{Key, Trusted};
use super::{Bundle, BundleError, DATA, MANIFEST, MOST_FILES, MOST_TOTAL};
use crate::finding::{Code, Finding};

/// The largest archive, packed or not: the largest bundle, and the headers of its files.
pub const MOST_ARCHIVE: usize = MOST_TOTAL + 4 * MOST_FILES * 1024;
/// The most entries in an archive, folders and files that no bundle has a place for included.
const MOST_ENTRIES: usize = 4 * MOST_FILES;
/// The path of the signature.
const SIGNATURES: &str = ".signatures.json";

/// Files of a bundle that decide something in OPA and would be lost here: refused rather than left out.
const LOST: [(&str, &str); 5] = [
    ("data.yaml", "write the data as `data.json`"),
    ("data.yml", "write the data as `data.json`"),
    ("patch.json", "send the whole bundle: changes to another one are not taken"),
    ("policy.wasm", "put the Rego into the bundle: compiled policies are not run"),
    ("plan.json", "put the Rego into the bundle: plans are not run"),
];

/// An archive that gives no bundle.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is not an archive, too large, or holds what none may hold.
    #[error("the archive is refused: {why}")]
    Archive {
        /// Why.
        why: String,
    },
    /// The signature is missing, wrong, or not by a known key.
    #[error("the archive's signature is refused: {why}")]
    Signature {
        /// Why.
        why: String,
    },
    /// Its files make no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl From<&ArchiveError> for Finding {
    fn from(error: &ArchiveError) -> Finding {
        match error {
            ArchiveError::Archive { .. } => Finding::whole(Code::Archive, error.to_string()),
            ArchiveError::Signature { .. } => Finding::whole(Code::Signature, error.to_string()),
            ArchiveError::Bundle(error) => Finding::from(error),
        }
    }
}

fn refused(why: impl Into<String>) -> ArchiveError {
    ArchiveError::Archive { why: why.into() }
}

/// The files of a bundle, by their path.
pub type Files = Vec<(String, Vec<u8>)>;

/// The bundle in an archive, after its signature is verified.
///
/// # Errors
/// The first thing that keeps it from being one.
pub fn read(bytes: &[u8], trusted: &Trusted) -> Result<Bundle, ArchiveError> {
    Ok(Bundle::from_files(files(bytes, trusted)?)?)
}

/// The files in an archive that belong to a bundle, after its signature is verified.
///
/// # Errors
/// Bytes that are no archive, what none may hold, or a signature that does not hold.
pub fn files(bytes: &[u8], trusted: &Trusted) -> Result<Files, ArchiveError> {
    let mut all = entries(&unpacked(bytes)?)?;
    let signatures = all.iter().position(|(path, _)| path == SIGNATURES).map(|at| all.remove(at).1);
    signature::verify(signatures.as_deref(), &all, trusted)?;
    for (path, _) in &all {
        if let Some((name, fix)) = LOST.iter().find(|(name, _)| name_of(path) == *name) {
            return Err(refused(format!("it holds a `{name}`, which would be lost: {fix}")));
        }
    }
    all.retain(|(path, _)| path.ends_with(".rego") || path == MANIFEST || name_of(path) == DATA);
    Ok(all)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let most = || refused(format!("it has more than {MOST_ARCHIVE} bytes, packed or not"));
    if bytes.len() > MOST_ARCHIVE {
        return Err(most());
    }
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes).take(MOST_ARCHIVE as u64 + 1);
    let read = reader.read_to_end(&mut unpacked);
    read.map_err(|error| refused(format!("it is not a gzipped tar: {error}")))?;
    if unpacked.len() > MOST_ARCHIVE { Err(most()) } else { Ok(unpacked) }
}

fn entries(unpacked: &[u8]) -> Result<Files, ArchiveError> {
    let broken = |error: std::io::Error| refused(format!("it is not a whole tar: {error}"));
    let mut files = Files::new();
    let mut total = 0;
    for (count, entry) in Archive::new(unpacked).entries().map_err(broken)?.enumerate() {
        let entry = entry.map_err(broken)?;
        let path = path(&entry.path_bytes())?;
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            other => return Err(refused(format!("`{path}` is {}, not a file", kind(other)))),
        }
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        total = size.saturating_add(total);
        if count >= MOST_ENTRIES || total > MOST_ARCHIVE {
            return Err(refused(format!(
                "it holds more than {MOST_ENTRIES} entries or {MOST_ARCHIVE} bytes"
            )));
        }
        let mut content = Vec::new();
        entry.take(MOST_ARCHIVE as u64).read_to_end(&mut content).map_err(broken)?;
        if content.len() != size {
            return Err(refused(format!("`{path}` is cut off")));
        }
        if files.iter().any(|(known, _)| *known == path) {
            return Err(refused(format!("`{path}` is in it twice")));
        }
        files.push((path, content));
    }
    Ok(files)
}

fn kind(entry: EntryType) -> &'static str {
    match entry {
        EntryType::Symlink | EntryType::Link => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a file with holes",
        _ => "something unknown",
    }
}

/// The path within the bundle. OPA writes `/a.rego`, `tar` writes `./a.rego`; both mean the bundle's root.
fn path(bytes: &[u8]) -> Result<String, ArchiveError> {
    let shown =
        || String::from_utf8_lossy(bytes).chars().take(60).flat_map(char::escape_debug).collect::<String>();
    let text =
        std::str::from_utf8(bytes).map_err(|_| refused(format!("`{}` is not a path in UTF-8", shown())))?;
    let inner =
        text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text).trim_end_matches('/');
    let climbs = inner.split('/').any(|part| part == "..");
    let odd =
        inner.starts_with('/') || inner.contains(['\\', '\0']) || inner.split('/').skip(1).any(str::is_empty);
    if climbs || odd {
        return Err(refused(format!("`{}` is a path outside of the bundle", shown())));
    }
    Ok(inner.to_owned())
}

/// An archive of these files: the same files give the same bytes, wherever and whenever it is made.
///
/// # Errors
/// A path is too long for an archive.
pub fn pack(files: &Files) -> Result<Vec<u8>, ArchiveError> {
    let broken = |error: std::io::Error| refused(format!("it cannot be written: {error}"));
    let mut files: Vec<&(String, Vec<u8>)> = files.iter().collect();
    files.sort();
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, path, content.as_slice()).map_err(broken)?;
    }
    let plain = archive.into_inner().map_err(broken)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&plain).map_err(broken)?;
    packed.finish().map_err(broken)
}

#[cfg(test)]
mod tests;
