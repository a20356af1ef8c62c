//! Evidence that somebody handed over: a part of the log with its checkpoint, as a tar archive, as a folder, or as
//! bare records. Everything is verified in one pass over files that may be hostile, with bounded memory.
//!
//! ```text
//!   archive ─┐                          ┌─ small: checkpoint, edge of the tree before, keys, manifest
//!            ├─ files, in order ─▶ Reading ─ records.jsonl ─▶ chunks on all cores ─▶ Verify
//!   folder ──┘                          └─ policies, payloads: the digest is the name
//! ```
//!
//! What is signed is the log: its records, and through them by digest the policies and payloads. The manifest is not
//! signed; it says that the files arrived as they were sent. So a report in a pack is to be recomputed, not believed.

mod archive;
mod folder;
mod manifest;
mod names;
mod reading;
mod records;
mod small;
mod wrong;

use std::path::Path;

use concordat_ledger::{Checkpoint, Verifier};

pub use reading::Proven;
pub use records::Watch;
pub use wrong::Wrong;

/// The form in which evidence lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A tar archive.
    Archive,
    /// A folder with the same files.
    Folder,
    /// Records, one a line, with a file `checkpoint` beside them.
    Records,
}

/// What a verifier brings along.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    /// The log's public keys; without any, those of the evidence are taken.
    pub keys: Vec<Verifier>,
    /// A checkpoint that was kept elsewhere, as it was signed.
    pub checkpoint: Option<String>,
}

/// The form in which evidence lies there, or `None` where it is something else, such as a database.
#[must_use]
pub fn form(path: &Path) -> Option<Form> {
    if path.is_dir() {
        return Some(Form::Folder);
    }
    let beginning = small::beginning(path).unwrap_or_default();
    match beginning.as_slice() {
        [b'{', ..] => Some(Form::Records),
        header if archive::is_one(header) => Some(Form::Archive),
        // What is cut short or empty is still what its name says.
        _ => match path.extension().and_then(|extension| extension.to_str()) {
            Some("tar") => Some(Form::Archive),
            Some("jsonl") => Some(Form::Records),
            _ => None,
        },
    }
}

/// Verifies evidence, and tells `watch` how many records were found right so far.
///
/// # Errors
/// The first thing that is wrong, or that cannot be known.
pub fn verify(path: &Path, form: Form, brought: Brought, watch: Watch<'_>) -> Result<Proven, Wrong> {
    let mut reading = reading::Reading::new(brought, watch);
    match form {
        Form::Archive => archive::each(path, &mut |name, bytes, content| reading.file(name, bytes, content))?,
        Form::Folder => folder::each(path, &mut |name, bytes, content| reading.file(name, bytes, content))?,
        Form::Records => {
            reading.without_manifest();
            folder::beside(path, &mut |name, bytes, content| reading.file(name, bytes, content))?;
        }
    }
    reading.finish()
}

/// The checkpoint that a verifier kept, opened with the keys that count.
fn kept(note: &str, keys: &[Verifier]) -> Result<Checkpoint, Wrong> {
    Checkpoint::open(note.as_bytes(), keys).map_err(|why| Wrong::Kept { why })
}
