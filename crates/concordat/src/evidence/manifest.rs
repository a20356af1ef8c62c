//! The list of files. It is not signed: it shows that files arrived as they were sent, and what is missing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::names::Name;
use super::wrong::Wrong;

/// The one form that there is.
const FORMAT: &str = "concordat-evidence/1";

/// What the manifest says, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    origin: String,
    first: u64,
    size: u64,
    root: String,
    files: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    path: String,
    bytes: u64,
    sha256: String,
}

/// The list of files that were not seen yet, and what the log should be.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) origin: String,
    pub(super) first: u64,
    pub(super) size: u64,
    pub(super) root: String,
    listed: BTreeMap<Name, Seen>,
}

/// How long a file is, and its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) bytes: u64,
    pub(super) digest: [u8; 32],
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Result<Manifest, Wrong> {
        let unusable = |why: String| Wrong::Unusable { file: "manifest.json".to_owned(), why };
        let written: Written = serde_json::from_str(text).map_err(|error| unusable(error.to_string()))?;
        if written.format != FORMAT {
            let found: String = written.format.chars().take(64).collect();
            return Err(unusable(format!("its format is `{found}`, this program reads `{FORMAT}`")));
        }
        let mut listed = BTreeMap::new();
        for line in written.files {
            let shown: String = line.path.chars().take(100).collect();
            let name = Name::parse(line.path.as_bytes()).filter(|name| name.as_str() != "manifest.json");
            let name = name.ok_or_else(|| unusable(format!("it lists `{shown}`")))?;
            let digits = line.sha256.strip_prefix("sha256:").unwrap_or(&line.sha256);
            let digest =
                from_hex(digits).ok_or_else(|| unusable(format!("the SHA-256 of `{shown}` is none")))?;
            if listed.insert(name, Seen { bytes: line.bytes, digest }).is_some() {
                return Err(unusable(format!("it lists `{shown}` twice")));
            }
        }
        let Written { origin, first, size, root, .. } = written;
        Ok(Manifest { origin, first, size, root, listed })
    }

    /// Ticks a file off, which must be as it is listed.
    pub(super) fn tick(&mut self, name: &Name, seen: Seen) -> Result<(), Wrong> {
        let altered = |what| Wrong::Altered { file: name.to_string(), what };
        match self.listed.remove(name) {
            None => Err(altered("it is not listed")),
            Some(listed) if listed.bytes != seen.bytes => Err(altered("its length is another")),
            Some(listed) if listed.digest != seen.digest => Err(altered("its SHA-256 is another")),
            Some(_) => Ok(()),
        }
    }

    /// A file that was listed and not seen.
    pub(super) fn missing(&self) -> Option<&Name> {
        self.listed.keys().next()
    }
}

/// The bytes that 64 hexadecimal digits stand for.
fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
