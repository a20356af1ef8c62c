//! Files of which either the old content stands on the disk or the new one, never a part.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the file `{}` cannot be written: {why}", path.display())]
pub struct Unwritten {
    /// The file.
    path: PathBuf,
    /// Why not.
    why: io::Error,
}

/// Writes a file that everybody may read; its folder is made if there is none.
///
/// # Errors
/// It cannot be written; the old content stands then.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Unwritten> {
    replace(path, content, 0o644)
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// It cannot be written; the old content stands then.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Unwritten> {
    replace(path, content, 0o600)
}

/// When this returns, the content is on the disk under its name.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Unwritten> {
    let failed = |why| Unwritten { path: path.to_owned(), why };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut beside = OsString::from(path.as_os_str());
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // What an interrupted attempt left would keep its mode.
    match fs::remove_file(&beside) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(failed(why)),
        _ => {}
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside);
    let written = written.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, path)).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_there_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"one").unwrap();
        fs::write(path.with_extension("new"), b"left by an interrupted attempt").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(write(folder.path(), b"x").is_err());
    }
}
