//! The key that signs the log: 32 bytes of chance in a private file, and its public half beside it.
//!
//! Whoever has the private file can sign another log under this name; whoever keeps the public half elsewhere can
//! tell. The file holds the seed in hexadecimal digits, so that it can be written down.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use concordat_ledger::Signer;
use concordat_ledger::note::KeyError;

/// The private file's name in the data folder.
const PRIVATE: &str = "log.key";
/// The public file's name in the data folder.
pub const PUBLIC: &str = "log.vkey";

/// A signing key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// A file cannot be read or written.
    #[error("the file `{}` cannot be used: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// Others may read the private key.
    #[error("the key `{}` has mode {mode:03o}, so others may read it; hint: chmod 600, and ask whether it was copied", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not hold a key.
    #[error("the file `{}` does not hold 64 hexadecimal digits; hint: restore it, or the log cannot be continued", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// The machine gives no chance.
    #[error("the machine gives no chance for a key: {0}")]
    Chance(String),
    /// The log's name cannot be signed under.
    #[error(transparent)]
    Name(#[from] KeyError),
}

/// The key of the data folder, made at the first start. `name` is the log's origin.
///
/// # Errors
/// The file cannot be used, is open to others, or holds something else.
pub fn open(data: &Path, name: &str) -> Result<Signer, LogKeyError> {
    let path = data.join(PRIVATE);
    let seed = match create(&path)? {
        Some(seed) => seed,
        None => read(&path)?,
    };
    let signer = Signer::from_seed(name, &seed)?;
    let public = data.join(PUBLIC);
    std::fs::write(&public, format!("{}\n", signer.verifier()))
        .map_err(|why| LogKeyError::File { path: public, why })?;
    Ok(signer)
}

/// A new key, if there is no file yet.
fn create(path: &Path) -> Result<Option<[u8; 32]>, LogKeyError> {
    let failed = |why| LogKeyError::File { path: path.to_owned(), why };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(why) => return Err(failed(why)),
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| LogKeyError::Chance(error.to_string()))?;
    let digits: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    // The log must not outlive its key: the key is on disk before anything is signed with it.
    writeln!(file, "{digits}").and_then(|()| file.sync_all()).map_err(failed)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(Some(seed))
}

fn read(path: &Path) -> Result<[u8; 32], LogKeyError> {
    let failed = |why| LogKeyError::File { path: path.to_owned(), why };
    let form = || LogKeyError::Form { path: path.to_owned() };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(LogKeyError::Mode { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(100).read_to_string(&mut text).map_err(failed)?;
    let digits = text.trim();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(form());
    }
    let mut seed = [0; 32];
    for (nth, byte) in seed.iter_mut().enumerate() {
        let pair = digits.get(nth * 2..nth * 2 + 2).ok_or_else(form)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| form())?;
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), "concordat/a").unwrap().verifier().to_string();
        assert_eq!(open(folder.path(), "concordat/a").unwrap().verifier().to_string(), first);
        assert_eq!(fs::read_to_string(folder.path().join(PUBLIC)).unwrap().trim(), first);
        let mode = fs::metadata(folder.path().join(PRIVATE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(
            open(tempfile::tempdir().unwrap().path(), "concordat/a").unwrap().verifier().to_string(),
            first
        );
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused() {
        for (text, mode, wanted) in [
            ("", 0o600, "does not hold 64"),
            ("zz", 0o600, "does not hold 64"),
            (&"é".repeat(32), 0o600, "does not hold 64"),
            (&"a".repeat(65), 0o600, "does not hold 64"),
            (&"a".repeat(64), 0o640, "others may read it"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(PRIVATE);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let told = open(folder.path(), "concordat/a").unwrap_err().to_string();
            assert!(told.contains(wanted), "{told}");
        }
    }
}
