//! The files of a tar archive, in the one form that evidence has: plain files, sorted by name, nothing else.
//!
//! Nothing is unpacked to a disk. Long names, links, sparse files and whatever else tar has grown are entry types of
//! their own, so they are refused with everything that is no plain file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use tar::{Archive, Entry, EntryType};

use super::names::Name;
use super::wrong::Wrong;

/// Where a header says that it is one.
const MAGIC_AT: usize = 257;

/// Who is shown a file: its name, its size and its content.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&Name, u64, &mut dyn Read) -> Result<(), Wrong>;

/// Whether a file that begins so is a tar archive.
pub(super) fn is_one(beginning: &[u8]) -> bool {
    beginning.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

/// Shows every file of the archive, in order.
pub(super) fn each(path: &Path, visit: Visit<'_>) -> Result<(), Wrong> {
    let unreadable = |why| Wrong::Unreadable { file: path.display().to_string(), why };
    let file = File::open(path).map_err(unreadable)?;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 18, file));
    let mut last: Option<Name> = None;
    for entry in archive.entries().map_err(|why| broken(&why))?.raw(true) {
        let mut entry = entry.map_err(|why| broken(&why))?;
        let name = name(&entry)?;
        if last.as_ref().is_some_and(|last| *last >= name) {
            return Err(Wrong::refused(format!("`{name}` stands twice or out of order")));
        }
        let bytes = entry.size();
        visit(&name, bytes, &mut entry)?;
        last = Some(name);
    }
    let mut rest = archive.into_inner();
    let mut block = [0; 512];
    loop {
        match rest.read(&mut block).map_err(unreadable)? {
            0 => return Ok(()),
            read if block.iter().take(read).all(|byte| *byte == 0) => {}
            _ => return Err(Wrong::refused("something stands after the end of the archive")),
        }
    }
}

fn name<R: Read>(entry: &Entry<'_, R>) -> Result<Name, Wrong> {
    let path = entry.path_bytes();
    let shown: String = String::from_utf8_lossy(&path).chars().take(100).collect();
    match entry.header().entry_type() {
        EntryType::Regular => {}
        other => return Err(Wrong::refused(format!("`{shown}` is no plain file ({other:?})"))),
    }
    let unknown = || {
        Wrong::refused(format!(
            "it holds `{shown}`, which evidence never does; hint: give an archive as it was written, or the folder"
        ))
    };
    Name::parse(&path).ok_or_else(unknown)
}

fn broken(why: &std::io::Error) -> Wrong {
    Wrong::refused(format!("the archive is damaged or cut off ({why})"))
}
