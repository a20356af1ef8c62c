//! The key that signs the log: 32 bytes of chance in a private file, and its public half beside it.
//!
//! Whoever has the private file can sign another log under this name; whoever keeps the public half elsewhere can
//! tell. The file holds the seed in hexadecimal digits, so that it can be written down. How one key takes over from
//! another is in [`rotation`], and how a program signs that holds the key elsewhere in [`elsewhere`].

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use concordat_ledger::note::KeyError;
use concordat_ledger::{Signer, Verifier};
use concordat_store::Signing;
use elsewhere::Elsewhere;

use crate::whole_file::{self, Unwritten};

pub mod elsewhere;
pub mod rotation;

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
    /// The file does not hold public keys.
    #[error("the file `{}` does not hold public keys: {why}", path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: KeyError,
    },
    /// The public keys are there, the private one is not.
    #[error("the key `{}` is missing, but not its public half; hint: restore it, or give `--log-key-command` if a program signs; without either the log cannot be continued", path.display())]
    Lost {
        /// The file that is missing.
        path: PathBuf,
    },
    /// The private key is not one of those whose public half is known.
    #[error(
        "the key `{}` is not one of the log `{name}` in `{PUBLIC}`; hint: is it the right key, and the right `--instance`? Another key takes over by `audit rotate-key`",
        path.display()
    )]
    Stranger {
        /// The file.
        path: PathBuf,
        /// The log's name.
        name: String,
    },
    /// The private key is one that was replaced.
    #[error(
        "the key `{}` counts up to {until} records only, since it was replaced; hint: restore the key that replaced it",
        path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// Up to how many records it counts.
        until: u64,
    },
    /// The file holds PEM, but not of such a key.
    #[error("the file `{}` does not hold the PEM of an Ed25519 public key; hint: write it with `openssl pkey -pubout`", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
    },
    /// The program that signs cannot be called.
    #[error(
        "the program that signs the log has no name; hint: write it like `sign --key 7`, or as a JSON array of texts"
    )]
    Command,
    /// The key before is elsewhere, so it cannot sign beside the new one.
    #[error(
        "the key that signs is not in the data folder, so it cannot sign beside another one; hint: rotate with `--now`"
    )]
    Elsewhere,
    /// The key that is to take over was one of this log before.
    #[error("`{key}` is one of the log's keys already; hint: let another key take over")]
    Known {
        /// The key.
        key: String,
    },
    /// There is an older key in use already.
    #[error(
        "the overlap with the key before is not over yet; hint: `concordat audit rotate-key --end-overlap`"
    )]
    Overlap,
    /// A file cannot be written.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The machine gives no chance.
    #[error("the machine gives no chance for a key: {0}")]
    Chance(String),
    /// The log's name cannot be signed under.
    #[error(transparent)]
    Name(#[from] KeyError),
}

/// Who signs the log called `name`: a program if one was given, or else the key of the data folder, which is made at the
/// first start.
///
/// # Errors
/// A file cannot be used, is open to others, or holds something else.
pub fn open(data: &Path, name: &str, elsewhere: &Elsewhere) -> Result<Signing, LogKeyError> {
    if let Some(signing) = elsewhere.open(data, name)? {
        return Ok(signing);
    }
    let path = data.join(PRIVATE);
    let earlier = published(data)?;
    // A new key would sign another log than the one that is there.
    if !earlier.is_empty() && !path.exists() {
        return Err(LogKeyError::Lost { path });
    }
    let (seed, _) = seed(&path)?;
    let signer = Signer::from_seed(name, &seed)?;
    known(data, &earlier, signer.verifier(), &path)?;
    let before = rotation::before(data, name)?.filter(|before| before.verifier() != signer.verifier());
    Ok(Signing { before, earlier, ..Signing::by(signer) })
}

/// Whether a key is one of those that were published and still counts; the first one is published here.
fn known(data: &Path, earlier: &[Verifier], key: &Verifier, path: &Path) -> Result<(), LogKeyError> {
    let published = |other: &&Verifier| other.is_same_key(key) && other.name() == key.name();
    match earlier.iter().find(published).map(Verifier::cut_off) {
        Some(Some(until)) => Err(LogKeyError::Replaced { path: path.to_owned(), until }),
        Some(None) => Ok(()),
        None if earlier.is_empty() => {
            whole_file::write(&data.join(PUBLIC), format!("{key}\n").as_bytes())?;
            Ok(())
        }
        None => Err(LogKeyError::Stranger { path: path.to_owned(), name: key.name().to_owned() }),
    }
}

/// The log's public keys, as they are published in the data folder, one a line; none before the first start.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn published(data: &Path) -> Result<Vec<Verifier>, LogKeyError> {
    let path = data.join(PUBLIC);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(LogKeyError::File { path, why }),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<_, _> = lines.map(str::parse).collect();
    keys.map_err(|why| LogKeyError::Public { path, why })
}

/// The 32 secret bytes of a private file, and whether they were made just now since there was none.
///
/// # Errors
/// The file cannot be used, is open to others, or holds something else.
pub fn seed(path: &Path) -> Result<([u8; 32], bool), LogKeyError> {
    match create(path)? {
        Some(seed) => Ok((seed, true)),
        None => read(path).map(|seed| (seed, false)),
    }
}

/// A new key, if there is no file yet.
fn create(path: &Path) -> Result<Option<[u8; 32]>, LogKeyError> {
    let failed = |why| LogKeyError::File { path: path.to_owned(), why };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(why) => return Err(failed(why)),
    };
    let seed = chance()?;
    // The log must not outlive its key: the key is on disk before anything is signed with it.
    file.write_all(digits(&seed).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(Some(seed))
}

fn chance() -> Result<[u8; 32], LogKeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| LogKeyError::Chance(error.to_string()))?;
    Ok(seed)
}

/// A seed as it stands in a file.
fn digits(seed: &[u8; 32]) -> String {
    let digits: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    digits + "\n"
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
        let first =
            open(folder.path(), "concordat/a", &Elsewhere::default()).unwrap().signer.verifier().to_string();
        assert_eq!(
            open(folder.path(), "concordat/a", &Elsewhere::default()).unwrap().signer.verifier().to_string(),
            first
        );
        assert_eq!(fs::read_to_string(folder.path().join(PUBLIC)).unwrap().trim(), first);
        let mode = fs::metadata(folder.path().join(PRIVATE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(
            open(tempfile::tempdir().unwrap().path(), "concordat/a", &Elsewhere::default())
                .unwrap()
                .signer
                .verifier()
                .to_string(),
            first
        );
    }

    #[test]
    fn no_key_takes_the_place_of_another_unseen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PRIVATE);
        open(folder.path(), "concordat/a", &Elsewhere::default()).unwrap();
        let public = fs::read(folder.path().join(PUBLIC)).unwrap();
        assert!(matches!(
            open(folder.path(), "concordat/b", &Elsewhere::default()),
            Err(LogKeyError::Stranger { .. })
        ));
        fs::write(&path, "a".repeat(64)).unwrap();
        assert!(matches!(
            open(folder.path(), "concordat/a", &Elsewhere::default()),
            Err(LogKeyError::Stranger { .. })
        ));
        fs::remove_file(&path).unwrap();
        assert!(matches!(
            open(folder.path(), "concordat/a", &Elsewhere::default()),
            Err(LogKeyError::Lost { .. })
        ));
        assert!(!path.exists() && fs::read(folder.path().join(PUBLIC)).unwrap() == public);
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
            let told = open(folder.path(), "concordat/a", &Elsewhere::default()).unwrap_err().to_string();
            assert!(told.contains(wanted), "{told}");
        }
    }
}
