//! Payloads that can be forgotten lie encrypted under their owner's secret: when the row of that secret is gone, so are
//! they, wherever copies of them lie.
//!
//! The cipher is ChaCha20-Poly1305 (RFC 8439). A key encrypts each content under one nonce only, since the nonce is of
//! the content's digest; and what is read must have that digest, so a body that was put elsewhere is found.

use chacha20poly1305::aead::{Aead as _, Payload as Message};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;

/// A payload as it is stored.
pub(crate) fn seal(secret: &Secret, digest: &Digest, content: &[u8]) -> Vec<u8> {
    let message = Message { msg: content, aad: digest.bytes() };
    // It fails for contents of 256 GiB alone; what is empty then is found when it is read.
    cipher(secret).encrypt(&nonce(digest), message).unwrap_or_default()
}

/// A payload as it was before; nothing when it is not of this secret and digest.
pub(crate) fn open(secret: &Secret, digest: &Digest, body: &[u8]) -> Option<Vec<u8>> {
    let content = cipher(secret).decrypt(&nonce(digest), Message { msg: body, aad: digest.bytes() }).ok()?;
    (Digest::of(&content) == *digest).then_some(content)
}

fn cipher(secret: &Secret) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&secret.key().into())
}

fn nonce(digest: &Digest) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.iter_mut().zip(digest.bytes()).for_each(|(to, from)| *to = *from);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_with_its_secret_alone() {
        let (content, secret) = (b"Ada Lovelace".as_slice(), Secret::new([1; 32]));
        let digest = Digest::of(content);
        let body = seal(&secret, &digest, content);
        assert_eq!(open(&secret, &digest, &body).unwrap(), content);
        assert!(!body.windows(3).any(|part| part == b"Ada"));
        assert_eq!(open(&Secret::new([2; 32]), &digest, &body), None);
        assert_eq!(open(&secret, &Digest::of(b"other"), &body), None);
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            assert_eq!(open(&secret, &digest, &changed), None);
        }
    }
}
