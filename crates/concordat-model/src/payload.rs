//! Payloads: documents that records name by digest, and that can be forgotten while every proof still holds.
//!
//! The digest of a document that somebody can guess would confirm the guess. So where a document may tell of people, a
//! line with a salt follows it, and the digest is of both lines. Whoever is given the payload checks it with any program
//! that computes SHA-256; once it is gone, and the salt with it, the digest says nothing.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// 128 bits of chance behind a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

/// What the payloads of one owner, such as a run, are kept under: 256 bits of chance. Without it they are gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// A document in the form in which it is stored, and its digest.
pub type Payload = (Digest, Vec<u8>);

/// Canonical JSON has no line ends, so the first one is where the salt begins.
const BETWEEN: u8 = b'\n';

impl Secret {
    /// A secret of these bytes, which must come from the machine's chance.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Secret {
        Secret(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The salt of everything that is kept under the secret; it does not tell the secret.
    #[must_use]
    pub fn salt(&self) -> Salt {
        let mut salt = [0; 16];
        salt.iter_mut().zip(self.derived("concordat salt\n")).for_each(|(to, from)| *to = from);
        Salt(salt)
    }

    /// The key under which everything of the secret is encrypted.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.derived("concordat key\n")
    }

    fn derived(&self, what: &str) -> [u8; 32] {
        Sha256::new_with_prefix(what).chain_update(self.0).finalize().into()
    }
}

/// A document's canonical form as a payload.
#[must_use]
pub fn payload(mut form: Vec<u8>, salt: Option<Salt>) -> Payload {
    if let Some(Salt(salt)) = salt {
        form.reserve_exact(1 + 2 * salt.len());
        form.push(BETWEEN);
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit as u8);
        form.extend(salt.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    }
    (Digest::of(&form), form)
}

/// The document within a payload.
#[must_use]
pub fn document(payload: &[u8]) -> &[u8] {
    parts(payload).map_or(payload, |(document, _)| document)
}

/// The salt within a payload.
#[must_use]
pub fn salt(payload: &[u8]) -> Option<Salt> {
    parts(payload).map(|(_, salt)| salt)
}

fn parts(payload: &[u8]) -> Option<(&[u8], Salt)> {
    let mut salt = [0; 16];
    let (document, rest) = payload.split_at_checked(payload.len().checked_sub(1 + 2 * salt.len())?)?;
    let (between, text) = rest.split_first()?;
    for (byte, pair) in salt.iter_mut().zip(text.chunks_exact(2)) {
        let nibble = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from((nibble(0)? << 4) | nibble(1)?).ok()?;
    }
    (*between == BETWEEN).then_some((document, Salt(salt)))
}

// Neither is anybody's to read in a log of the program.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_gives_back_its_document_and_salt() {
        let form = br#"{"name":"Ada\n"}"#.to_vec();
        let salt_of = |byte| Secret::new([byte; 32]).salt();
        let (digest, stored) = payload(form.clone(), Some(salt_of(7)));
        assert_eq!((document(&stored), salt(&stored)), (form.as_slice(), Some(salt_of(7))));
        assert_eq!(digest, Digest::of(&stored));
        assert_ne!(digest, payload(form.clone(), Some(salt_of(8))).0);
        let (digest, stored) = payload(form.clone(), None);
        assert_eq!((document(&stored), salt(&stored), digest), (form.as_slice(), None, Digest::of(&form)));
    }

    #[test]
    fn what_is_no_salt_is_none() {
        for odd in ["", "\n", "{}\n", "{}\n0123", "{}\n0123456789abcdef0123456789abcdeg", "{}\n\n"] {
            assert!(salt(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(
            format!("{:?} {:?}", Secret::new([1; 32]), Secret::new([1; 32]).salt()),
            "Secret(..) Salt(..)"
        );
    }
}
