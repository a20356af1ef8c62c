//! The safe: secrets that others trusted us with, such as what an agent knows us by, sealed under a key that lies in no
//! database.
//!
//! What is sealed may stand in payloads and backups: without the key it says nothing. The cipher is XChaCha20-Poly1305,
//! whose nonce is long enough to be drawn by chance each time. What a secret is for is sealed with it, so that it opens
//! for nothing else. The key comes from the edge, as chance does.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload as Message};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::payload::Secret;

/// The bytes of a nonce, with which everything sealed begins.
const NONCE: usize = 24;
/// The hexadecimal digits of a fingerprint.
const SHOWN: usize = 16;

/// Seals and opens under one key.
#[derive(Clone)]
pub struct Safe(Secret);

impl Safe {
    /// The safe of this key, which must come from the machine's chance.
    #[must_use]
    pub fn new(key: Secret) -> Safe {
        Safe(key)
    }

    /// Seals a secret for one purpose; `chance` must be fresh.
    #[must_use]
    pub fn seal(&self, purpose: &str, secret: &[u8], chance: &Secret) -> Vec<u8> {
        let mut nonce = XNonce::default();
        nonce.iter_mut().zip(chance.bytes()).for_each(|(to, from)| *to = *from);
        let message = Message { msg: secret, aad: purpose.as_bytes() };
        // It fails for contents of 256 GiB alone; what is empty then does not open.
        let body = self.cipher().encrypt(&nonce, message).unwrap_or_default();
        nonce.iter().copied().chain(body).collect()
    }

    /// A secret as it was before; nothing when it was sealed under another key or for another purpose.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (begin, body) = sealed.split_at_checked(NONCE)?;
        let mut nonce = XNonce::default();
        nonce.iter_mut().zip(begin).for_each(|(to, from)| *to = *from);
        self.cipher().decrypt(&nonce, Message { msg: body, aad: purpose.as_bytes() }).ok()
    }

    /// A short name of a secret, by which people tell two apart. Who lacks the safe's key cannot try guesses by it.
    #[must_use]
    pub fn fingerprint(&self, purpose: &str, secret: &[u8]) -> String {
        let digest = Sha256::new_with_prefix("concordat fingerprint\n")
            .chain_update(self.0.bytes())
            .chain_update(purpose)
            .chain_update("\n")
            .chain_update(secret)
            .finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(SHOWN).collect()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.key().into())
    }
}

// Nobody reads it in a log of the program.
impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Safe(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(byte: u8) -> Safe {
        Safe::new(Secret::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_for_its_purpose_alone() {
        let sealed = safe(1).seal("agent", b"t0ps3cret", &Secret::new([9; 32]));
        assert_eq!(safe(1).open("agent", &sealed).unwrap(), b"t0ps3cret");
        assert_eq!(safe(2).open("agent", &sealed), None);
        assert_eq!(safe(1).open("webhook", &sealed), None);
        assert!(!sealed.windows(9).any(|part| part == b"t0ps3cret"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(safe(1).open("agent", &changed), None);
            assert_eq!(safe(1).open("agent", &sealed[..at]), None);
        }
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_not_what_they_are() {
        let of = |safe: &Safe, purpose, secret: &str| safe.fingerprint(purpose, secret.as_bytes());
        let first = of(&safe(1), "agent", "t0ps3cret");
        assert_eq!((first.len(), first == of(&safe(1), "agent", "t0ps3cret")), (SHOWN, true));
        for other in [
            of(&safe(1), "agent", "other"),
            of(&safe(2), "agent", "t0ps3cret"),
            of(&safe(1), "b", "t0ps3cret"),
        ] {
            assert_ne!(first, other);
        }
        assert_eq!(format!("{:?}", safe(1)), "Safe(..)");
    }
}
