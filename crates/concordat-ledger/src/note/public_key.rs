//! A public key under a name, as the text that people pass on: `name+hex(key id)+base64(type || public key)`.
//!
//! The type says what the key signs: the checkpoints of a log, or the cosignatures of a witness. It is part of the
//! key id, so that neither can be taken for the other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// Most bytes of a key's name.
const MAX_NAME: usize = 255;

/// Most bytes of a public key with its type: those of ML-DSA-44.
const MAX_KEY: usize = 1 + 1312;

/// An Ed25519 key with its name and type.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    kind: u8,
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A name or key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a plus sign or a control character.
    #[error(
        "the name of a log or a witness must be 1 to {MAX_NAME} bytes without spaces, plus signs and control characters; hint: use `<host>/<log>`"
    )]
    Name,
    /// The text is not of the form `name+id+key`.
    #[error("a verifier key looks like `name+0123abcd+base64`")]
    Form,
    /// The key id is not the one that name and key have.
    #[error("the verifier key of `{name}` has key id {found:08x}, but its name and key make {expected:08x}")]
    Id {
        /// Name of the key.
        name: String,
        /// Key id in the text.
        found: u32,
        /// Key id as computed.
        expected: u32,
    },
    /// The key is for something else.
    #[error(
        "the verifier key of `{name}` is of type {found:#04x}, {wanted:#04x} is needed (0x01: a log's Ed25519 key, 0x04: a witness's; 0x06, ML-DSA-44, is not supported yet)"
    )]
    Kind {
        /// Name of the key.
        name: String,
        /// Its type.
        found: u8,
        /// The type that is needed here.
        wanted: u8,
    },
    /// The key is not an Ed25519 key, or one that anybody can sign for.
    #[error("the verifier key of `{name}` does not hold a usable Ed25519 key")]
    Key {
        /// Name of the key.
        name: String,
    },
}

impl PublicKey {
    pub(super) fn new(kind: u8, name: &str, key: VerifyingKey) -> PublicKey {
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', kind])
            .chain_update(key.as_bytes())
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        PublicKey { kind, name: name.to_owned(), id: [a, b, c, d], key }
    }

    pub(super) fn read(kind: u8, text: &str) -> Result<PublicKey, KeyError> {
        // Base64 may hold plus signs, so only the first two part the text.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        check_name(name)?;
        let plain_hex = id.len() == 8 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let found = u32::from_str_radix(id, 16).ok().filter(|_| plain_hex).ok_or(KeyError::Form)?;
        if key.len() > MAX_KEY * 4 / 3 + 4 {
            return Err(KeyError::Form);
        }
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let unusable = || KeyError::Key { name: name.to_owned() };
        let key = match bytes.split_first() {
            Some((found, key)) if *found == kind => VerifyingKey::try_from(key).map_err(|_| unusable())?,
            Some((found, _)) => {
                return Err(KeyError::Kind { name: name.to_owned(), found: *found, wanted: kind });
            }
            None => return Err(unusable()),
        };
        if key.is_weak() {
            return Err(unusable());
        }
        let public = PublicKey::new(kind, name, key);
        match u32::from_be_bytes(public.id) {
            expected if expected == found => Ok(public),
            expected => Err(KeyError::Id { name: name.to_owned(), found, expected }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn matches(&self, name: &str, id: [u8; 4]) -> bool {
        self.name == name && self.id == id
    }

    /// Strict Ed25519: no malleable signature and no degenerate key passes.
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    pub(super) fn is_same_key(&self, other: &PublicKey) -> bool {
        self.key == other.key
    }

    /// The line of a note that carries a signature of this key.
    pub(super) fn line(&self, signature: &[u8]) -> String {
        let signed = STANDARD.encode([&self.id[..], signature].concat());
        format!("\u{2014} {} {signed}\n", self.name)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id);
        let key = STANDARD.encode([&[self.kind], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    if is_name(name) { Ok(()) } else { Err(KeyError::Name) }
}

/// Whether a note may carry this as the name of a key.
pub(super) fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(odd)
}
