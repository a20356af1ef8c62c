//! How a key takes over from another.
//!
//! ```text
//!   rotate ──▶ log.key      the new key, which signs from now on
//!              log.key.old  the old key, which signs beside it during the overlap
//!              log.vkey     both public keys
//!   end    ──▶ log.key.old is gone; in log.vkey the old key counts up to the present size only
//! ```
//!
//! A key that takes over may be elsewhere, with a program that signs ([`super::elsewhere`]); then there is no `log.key`.
//! Whoever knows the old key only can follow during the overlap. The files are written in an order in which a start
//! works after every one of them, whatever happens in between; `log.key.rotated` makes the next start say so in the
//! log.

use std::fs;
use std::io;
use std::path::Path;

use concordat_ledger::{Signer, Verifier};
use serde::{Deserialize, Serialize};

use super::{LogKeyError, PRIVATE, PUBLIC, chance, digits, published, read};
use crate::whole_file;

/// The private file of the key before, during the overlap.
const BEFORE: &str = "log.key.old";

/// What the next start has to record.
const NOTICE: &str = "log.key.rotated";

/// That one key took over from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The key before.
    pub from: String,
    /// The key that signs from now on.
    pub to: String,
    /// How many records the log had.
    pub size: u64,
    /// Whether the key before signs beside it for a while.
    pub overlap: bool,
}

/// Lets a new key take over from the `old` one: the one whose public half is `to`, or one that is made here. The log has `size` records.
///
/// # Errors
/// An overlap is not over yet, or a file cannot be used. A start works in any case.
pub fn rotate(
    data: &Path,
    name: &str,
    size: u64,
    overlap: bool,
    old: &Verifier,
    to: Option<Verifier>,
) -> Result<Rotated, LogKeyError> {
    if data.join(BEFORE).exists() {
        return Err(LogKeyError::Overlap);
    }
    let private = data.join(PRIVATE);
    if overlap {
        if !private.exists() {
            return Err(LogKeyError::Elsewhere);
        }
        whole_file::write_private(&data.join(BEFORE), digits(&read(&private)?).as_bytes())?;
    }
    let (new, made) = match to {
        Some(to) => (to, None),
        None => {
            let made = chance()?;
            (Signer::from_seed(name, &made)?.verifier().clone(), Some(made))
        }
    };
    let known = published(data)?;
    if let Some(again) = known.iter().find(|key| key.is_same_key(&new)) {
        return Err(LogKeyError::Known { key: again.to_string() });
    }
    let rotated = Rotated { from: old.to_string(), to: new.to_string(), size, overlap };
    let known = known.into_iter().map(|key| format!("{key}\n"));
    let all: String = std::iter::once(format!("{new}\n")).chain(known).collect();
    whole_file::write(&data.join(PUBLIC), all.as_bytes())?;
    let notice = serde_json::to_vec(&rotated).unwrap_or_default();
    whole_file::write(&data.join(NOTICE), &notice)?;
    match made {
        Some(made) => whole_file::write_private(&private, digits(&made).as_bytes())?,
        None => gone(&private)?,
    }
    if !overlap {
        end(data, &new, size)?;
    }
    Ok(rotated)
}

/// Ends the overlap: every key but the one that is `signing` counts up to `size` records only.
///
/// # Errors
/// A file cannot be used.
pub fn end(data: &Path, signing: &Verifier, size: u64) -> Result<(), LogKeyError> {
    let ended = published(data)?.into_iter().map(|key| match key.cut_off() {
        None if !key.is_same_key(signing) => key.until(size),
        _ => key,
    });
    let lines: String = ended.map(|key| format!("{key}\n")).collect();
    whole_file::write(&data.join(PUBLIC), lines.as_bytes())?;
    gone(&data.join(BEFORE))
}

/// The key before, during the overlap.
pub(super) fn before(data: &Path, name: &str) -> Result<Option<Signer>, LogKeyError> {
    let path = data.join(BEFORE);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(Signer::from_seed(name, &read(&path)?)?))
}

/// What the log is still to be told, if the key that signs is the one that took over.
#[must_use]
pub fn untold(data: &Path, signing: &Verifier) -> Option<Rotated> {
    let text = fs::read(data.join(NOTICE)).ok()?;
    let rotated: Rotated = serde_json::from_slice(&text).ok()?;
    (rotated.to == signing.to_string()).then_some(rotated)
}

/// The log was told.
///
/// # Errors
/// The notice cannot be removed, so the next start would tell it again.
pub fn told(data: &Path) -> Result<(), LogKeyError> {
    gone(&data.join(NOTICE))
}

fn gone(path: &Path) -> Result<(), LogKeyError> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(LogKeyError::File { path: path.to_owned(), why })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use concordat_ledger::{Checkpoint, Frontier};

    use super::super::elsewhere::Elsewhere;
    use super::super::open;
    use super::*;

    const NAME: &str = "concordat/a";

    fn signs(data: &Path) -> Verifier {
        open(data, NAME, &Elsewhere::default()).unwrap().signer.verifier().clone()
    }

    #[test]
    fn a_key_takes_over_with_an_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let first = open(data, NAME, &Elsewhere::default()).unwrap().signer.verifier().clone();
        let rotated = rotate(data, NAME, 7, true, &signs(data), None).unwrap();
        assert_eq!(rotated.from, first.to_string());
        assert!(matches!(rotate(data, NAME, 7, true, &signs(data), None), Err(LogKeyError::Overlap)));
        let signing = open(data, NAME, &Elsewhere::default()).unwrap();
        assert_eq!(signing.signer.verifier().to_string(), rotated.to);
        assert_eq!(signing.before.as_ref().map(Signer::verifier), Some(&first));
        assert_eq!(signing.earlier, [signing.signer.verifier().clone(), first.clone()]);
        assert_eq!(untold(data, signing.signer.verifier()), Some(rotated));
        told(data).unwrap();
        told(data).unwrap();
        assert_eq!(untold(data, signing.signer.verifier()), None);
        end(data, &signs(data), 9).unwrap();
        let signing = open(data, NAME, &Elsewhere::default()).unwrap();
        assert!(signing.before.is_none());
        assert_eq!(signing.earlier[1], first.until(9));
    }

    #[test]
    fn a_key_that_leaked_is_replaced_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let stolen = fs::read(data.join(PRIVATE)).ok();
        assert_eq!(stolen, None);
        open(data, NAME, &Elsewhere::default()).unwrap();
        let first = Signer::from_seed(NAME, &read(&data.join(PRIVATE)).unwrap()).unwrap();
        let stolen = fs::read(data.join(PRIVATE)).unwrap();
        rotate(data, NAME, 0, false, &signs(data), None).unwrap();
        rotate(data, NAME, 5, false, &signs(data), None).unwrap();
        let keys: Vec<Verifier> = open(data, NAME, &Elsewhere::default()).unwrap().earlier;
        let cut_offs: Vec<Option<u64>> = keys.iter().map(Verifier::cut_off).collect();
        assert_eq!(cut_offs, [None, Some(5), Some(0)]);
        let mut tree = Frontier::new();
        tree.append(concordat_ledger::tree::leaf_hash(b"x"));
        assert!(Checkpoint::open(first.checkpoint(&tree).note().as_bytes(), &keys).is_err());
        fs::write(data.join(PRIVATE), stolen).unwrap();
        let refused = open(data, NAME, &Elsewhere::default()).unwrap_err().to_string();
        assert!(refused.contains("counts up to 0 records only"), "{refused}");
    }

    #[test]
    fn a_key_elsewhere_takes_over_and_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        open(data, NAME, &Elsewhere::default()).unwrap();
        let other = Signer::from_seed(NAME, &[3; 32]).unwrap().verifier().clone();
        let rotated = rotate(data, NAME, 7, true, &signs(data), Some(other.clone())).unwrap();
        assert_eq!(rotated.to, other.to_string());
        assert!(!data.join(PRIVATE).exists());
        let refused = open(data, NAME, &Elsewhere::default()).unwrap_err().to_string();
        assert!(refused.contains("--log-key-command"), "{refused}");
        end(data, &other, 9).unwrap();
        assert!(matches!(rotate(data, NAME, 11, true, &other, None), Err(LogKeyError::Elsewhere)));
        let again = rotate(data, NAME, 11, false, &other, Some(other.clone()));
        assert!(matches!(again, Err(LogKeyError::Known { .. })));
        rotate(data, NAME, 11, false, &other, None).unwrap();
        let keys = open(data, NAME, &Elsewhere::default()).unwrap().earlier;
        let cut_offs: Vec<Option<u64>> = keys.iter().map(Verifier::cut_off).collect();
        assert_eq!((cut_offs, &keys[1]), (vec![None, Some(11), Some(9)], &other.until(11)));
    }

    #[test]
    fn a_start_works_after_every_step() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let first = open(data, NAME, &Elsewhere::default()).unwrap().signer.verifier().clone();
        // The old key was copied, and nothing else happened.
        fs::copy(data.join(PRIVATE), data.join(BEFORE)).unwrap();
        let signing = open(data, NAME, &Elsewhere::default()).unwrap();
        assert!(signing.before.is_none() && *signing.signer.verifier() == first);
        // The new public key was added, and nothing else happened.
        let other = Signer::from_seed(NAME, &[3; 32]).unwrap();
        fs::write(data.join(PUBLIC), format!("{}\n{first}\n", other.verifier())).unwrap();
        assert_eq!(*open(data, NAME, &Elsewhere::default()).unwrap().signer.verifier(), first);
        fs::write(data.join(PUBLIC), "nonsense\n").unwrap();
        assert!(matches!(open(data, NAME, &Elsewhere::default()), Err(LogKeyError::Public { .. })));
    }
}
