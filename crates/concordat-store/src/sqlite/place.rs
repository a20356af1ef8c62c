//! The database's file: private to its owner, and written by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::open::OpenError;

/// Readable and writable for the owner, for nobody else.
const PRIVATE: u32 = 0o600;

/// A database file that this process alone may write, for as long as this value lives.
#[derive(Debug)]
pub(super) struct Place {
    /// The file, as an absolute path: SQLite would take one that begins with `file:` for an address.
    pub(super) path: PathBuf,
    /// SQLite's own locks are held only while it writes, so exclusive use needs a lock of ours.
    _lock: File,
}

impl Place {
    /// Creates the file if there is none, and takes the lock beside it.
    pub(super) fn claim(path: &Path) -> Result<Place, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let absolute = std::path::absolute(path).map_err(failed)?;
        let mut beside = absolute.clone().into_os_string();
        beside.push(".lock");
        let lock = private(Path::new(&beside)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { database: absolute.display().to_string() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The files that SQLite puts beside it get the same mode.
        let file = private(&absolute).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode != PRIVATE {
            return Err(OpenError::Mode { path: absolute, mode });
        }
        Ok(Place { path: absolute, _lock: lock })
    }
}

/// A file that nobody else may read, made if there is none.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(PRIVATE).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_place_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("concordat.db");
        let first = Place::claim(&path).unwrap();
        assert!(matches!(Place::claim(&path), Err(OpenError::InUse { .. })));
        drop(first);
        assert!(Place::claim(&path).is_ok());
    }

    #[test]
    fn what_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("concordat.db");
        drop(Place::claim(&path).unwrap());
        for mode in [0o640, 0o604, 0o700, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(Place::claim(&path), Err(OpenError::Mode { mode: found, .. }) if found == mode));
        }
        assert!(matches!(Place::claim(folder.path()), Err(OpenError::File { .. })));
        assert!(matches!(Place::claim(&folder.path().join("none/x.db")), Err(OpenError::File { .. })));
    }
}
