//! The files of a folder, in the order in which an archive has them.

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::archive::Visit;
use super::names::Name;
use super::wrong::Wrong;

/// The folders in a folder of evidence.
const INSIDE: [&str; 2] = ["policies", "payloads"];

/// Most files of evidence: enough for every payload of a large log.
const MOST_FILES: usize = 1_000_000;

/// Shows every file of the folder, in order.
pub(super) fn each(folder: &Path, visit: Visit<'_>) -> Result<(), Wrong> {
    let mut names = Vec::new();
    list(folder, "", &mut names)?;
    for inside in INSIDE {
        let path = folder.join(inside);
        if path.symlink_metadata().is_ok() {
            list(&path, &format!("{inside}/"), &mut names)?;
        }
    }
    names.sort();
    names.iter().try_for_each(|name| show(&folder.join(name.as_str()), name, visit))
}

/// Shows the checkpoint, the keys and the edge beside a file of records, and then that file.
pub(super) fn beside(records: &Path, visit: Visit<'_>) -> Result<(), Wrong> {
    for name in ["before", "checkpoint", "log.vkey"] {
        let path = records.with_file_name(name);
        if let (true, Some(name)) = (path.symlink_metadata().is_ok(), Name::parse(name.as_bytes())) {
            show(&path, &name, visit)?;
        }
    }
    match Name::parse(b"records.jsonl") {
        Some(name) => show(records, &name, visit),
        None => Ok(()),
    }
}

fn list(folder: &Path, under: &str, names: &mut Vec<Name>) -> Result<(), Wrong> {
    let unreadable = |why| Wrong::Unreadable { file: folder.display().to_string(), why };
    let kind = folder.symlink_metadata().map_err(unreadable)?.file_type();
    if !under.is_empty() && !kind.is_dir() {
        return Err(Wrong::refused(format!("`{under}` is no folder")));
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let file = entry.file_name();
        let path = format!("{under}{}", file.to_string_lossy());
        let kind = entry.file_type().map_err(unreadable)?;
        if under.is_empty() && kind.is_dir() && INSIDE.contains(&path.as_str()) {
            continue;
        }
        let shown: String = path.chars().take(100).collect();
        if !kind.is_file() {
            return Err(Wrong::refused(format!("`{shown}` is no plain file")));
        }
        let unknown = || {
            Wrong::refused(format!(
                "the folder holds `{shown}`, which evidence never does; hint: give the file of a database itself"
            ))
        };
        names.push(Name::parse(path.as_bytes()).ok_or_else(unknown)?);
        if names.len() > MOST_FILES {
            return Err(Wrong::refused(format!("it has more than {MOST_FILES} files")));
        }
    }
    Ok(())
}

fn show(path: &Path, name: &Name, visit: Visit<'_>) -> Result<(), Wrong> {
    let unreadable = |why| Wrong::Unreadable { file: path.display().to_string(), why };
    // It was a plain file a moment ago; a link that took its place is not followed, and a pipe is not waited for.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(unreadable(io::Error::other("it is no plain file")));
    }
    visit(name, found.len(), &mut BufReader::with_capacity(1 << 18, file))
}
