//! Who may sign for a log, and who can check it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Signature type of plain Ed25519 in key ids and verifier keys.
const ED25519: u8 = 0x01;

/// Most bytes of a key's name.
const MAX_NAME: usize = 255;

/// A log's private key. It cannot be printed or copied, and its memory is wiped when it is dropped.
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

/// A log's public key with the log's name. Text form (`vkey`): `name+hex(key id)+base64(0x01 || public key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A name or key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name of the log is empty, too long, or has a space, a plus sign or a control character.
    #[error(
        "a log's name must be 1 to {MAX_NAME} bytes without spaces, plus signs and control characters; hint: use `<host>/<log>`"
    )]
    Name,
    /// The text is not of the form `name+id+key`.
    #[error("a verifier key looks like `name+0123abcd+base64`")]
    Form,
    /// The key id is not the one that name and key have.
    #[error("the verifier key of `{name}` has key id {found:08x}, but its name and key make {expected:08x}")]
    Id {
        /// Name of the log.
        name: String,
        /// Key id in the text.
        found: u32,
        /// Key id as computed.
        expected: u32,
    },
    /// The key is not an Ed25519 key, or one that anybody can sign for.
    #[error("the verifier key of `{name}` does not hold a usable Ed25519 key")]
    Key {
        /// Name of the log.
        name: String,
    },
}

impl Signer {
    /// The key that grows from 32 secret bytes, for the log called `name` (its origin, `<host>/<log>`).
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a note.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Signer, KeyError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(seed);
        Ok(Signer { verifier: Verifier::new(name, key.verifying_key()), key })
    }

    /// The public half, to be published and kept by auditors.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// One signature line over `text`.
    pub(super) fn line(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let signed = STANDARD.encode([&self.verifier.id[..], &signature].concat());
        format!("\u{2014} {} {signed}\n", self.verifier.name)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Name of the log, which is the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: &str, key: VerifyingKey) -> Verifier {
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(key.as_bytes())
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        Verifier { name: name.to_owned(), id: [a, b, c, d], key }
    }

    pub(super) fn matches(&self, name: &str, id: [u8; 4]) -> bool {
        self.name == name && self.id == id
    }

    /// Strict Ed25519: no malleable signature and no degenerate key passes.
    pub(super) fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Verifier, KeyError> {
        // Base64 may hold plus signs, so only the first two part the text.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        check_name(name)?;
        let plain_hex = id.len() == 8 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let found = u32::from_str_radix(id, 16).ok().filter(|_| plain_hex).ok_or(KeyError::Form)?;
        let mut bytes = [0; 64];
        let length = STANDARD.decode_slice(key, &mut bytes).map_err(|_| KeyError::Form)?;
        let unusable = || KeyError::Key { name: name.to_owned() };
        let key = match bytes.get(..length) {
            Some([ED25519, key @ ..]) => VerifyingKey::try_from(key).map_err(|_| unusable())?,
            _ => return Err(unusable()),
        };
        if key.is_weak() {
            return Err(unusable());
        }
        let verifier = Verifier::new(name, key);
        match u32::from_be_bytes(verifier.id) {
            expected if expected == found => Ok(verifier),
            expected => Err(KeyError::Id { name: name.to_owned(), found, expected }),
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id);
        let key = STANDARD.encode([&[ED25519], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if is_name(name) { Ok(()) } else { Err(KeyError::Name) }
}

/// Whether a note may carry this as the name of a key.
pub(super) fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of Go's `golang.org/x/mod/sumdb/note`.
    const GO: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn verifier_keys_are_those_of_go() {
        let verifier: Verifier = GO.parse().expect("verifier key");
        assert_eq!((verifier.name(), verifier.to_string().as_str()), ("PeterNeumann", GO));
        let sumdb = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(sumdb.parse::<Verifier>().map(|verifier| verifier.to_string()).as_deref(), Ok(sumdb));
    }

    #[test]
    fn signers_agree_with_rfc_8032() {
        // Test 1 of section 7.1: this seed has this public key.
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").expect("base64");
        let public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let signer = Signer::from_seed("log.example/a", &seed.try_into().expect("32 bytes")).expect("name");
        assert_eq!(STANDARD.encode(signer.verifier().key.as_bytes()), public);
        assert_eq!(signer.verifier().to_string().parse(), Ok(signer.verifier().clone()));
    }

    #[test]
    fn broken_keys_are_refused() {
        let with = |from: &str, to: &str| GO.replacen(from, to, 1).parse::<Verifier>();
        assert!(matches!(with("c74f20a3", "c74f20a4"), Err(KeyError::Id { expected: 0xc74f_20a3, .. })));
        assert!(matches!(with("Peter", "Paul"), Err(KeyError::Id { .. })));
        assert_eq!(with("c74f20a3", "C74F20A3"), Err(KeyError::Form));
        assert_eq!(with("c74f20a3", "+74f20a3"), Err(KeyError::Form));
        assert_eq!(with("PeterNeumann", "Peter Neumann"), Err(KeyError::Name));
        assert_eq!(with("PeterNeumann", ""), Err(KeyError::Name));
        assert!(matches!(with("ARpc", "BRpc"), Err(KeyError::Key { .. })));
        assert_eq!(with("10TW", "10T"), Err(KeyError::Form));
        assert_eq!("".parse::<Verifier>(), Err(KeyError::Form));
        // The neutral point: every message has a signature for it.
        let weak = STANDARD.encode([&[ED25519, 1], [0; 31].as_slice()].concat());
        assert!(matches!(format!("a+00000000+{weak}").parse::<Verifier>(), Err(KeyError::Key { .. })));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let signer = Signer::from_seed("log.example/a", &[0xab; 32]).expect("name");
        let printed = format!("{signer:?}");
        assert!(printed.contains("log.example/a") && !printed.contains("171") && !printed.contains("abab"));
    }

    #[test]
    fn names_can_stand_in_a_note() {
        for wrong in ["", "a b", "a+b", "a\nb", "a\u{2003}b", "a\u{7f}b", &"x".repeat(256)] {
            assert!(matches!(Signer::from_seed(wrong, &[1; 32]), Err(KeyError::Name)), "{wrong:?}");
        }
    }
}
