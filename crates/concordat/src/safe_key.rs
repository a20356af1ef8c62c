//! The key of the safe: 32 bytes of chance in a private file, which lies in no database.
//!
//! What others trusted us with, such as what agents know us by, is sealed under it. A copy of the database alone tells
//! none of it; who loses this file sets those secrets again. It is made at the first start.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use concordat_model::payload::Secret;
use concordat_model::safe::Safe;

use crate::config::ServeConfig;
use crate::whole_file;

/// Its name in the data folder.
const NAME: &str = "safe.key";

/// The safe under the operator's key, or under that of the data folder.
pub(crate) fn open(config: &ServeConfig) -> Result<Safe> {
    match &config.safe_key {
        Some(path) => read(path),
        None => {
            let path = config.data.join(NAME);
            if !path.try_exists().with_context(|| format!("reading {}", path.display()))? {
                make(&path)?;
            }
            read(&path)
        }
    }
}

fn make(path: &Path) -> Result<()> {
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        bail!("the machine gives no chance for the key of the safe");
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(whole_file::write_private(path, format!("{digits}\n").as_bytes())?)
}

fn read(path: &Path) -> Result<Safe> {
    let shown = path.display();
    let mut file = OpenOptions::new().read(true).open(path).with_context(|| format!("reading {shown}"))?;
    let mode = file.metadata().with_context(|| format!("reading {shown}"))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read {shown}; hint: chmod 600 {shown}, and ask whether it was copied");
    }
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("reading {shown}"))?;
    let key = bytes(text.trim());
    let hint = "hint: restore it, or make one with `openssl rand -hex 32` and set what was sealed again";
    key.map(|key| Safe::new(Secret::new(key)))
        .with_context(|| format!("{shown} does not hold 64 hexadecimal digits; {hint}"))
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        make(&path).unwrap();
        let of = |path: &Path| read(path).unwrap().fingerprint("test", b"secret");
        assert_eq!(of(&path), of(&path));
        let other = folder.path().join("other");
        make(&other).unwrap();
        assert_ne!(of(&path), of(&other));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("others may read"));
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        for odd in ["", "g0ld", &"0".repeat(63), &"é".repeat(32)] {
            whole_file::write_private(&path, odd.as_bytes()).unwrap();
            let said = read(&path).unwrap_err().to_string();
            assert!(
                said.contains("64 hexadecimal digits") && (odd.is_empty() || !said.contains(odd)),
                "{said}"
            );
        }
        assert!(read(&folder.path().join("none")).is_err());
    }
}
