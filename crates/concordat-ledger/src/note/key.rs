//! Who may sign for a log, and who can check it.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

pub use super::public_key::KeyError;
use super::public_key::{PublicKey, check_name};
use crate::decimal::decimal;

/// Signature type of plain Ed25519 in key ids and verifier keys.
const ED25519: u8 = 0x01;

/// A log's private key. It cannot be printed or copied, and its memory is wiped when it is dropped.
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

/// A log's public key with the log's name. Text form (`vkey`): `name+hex(key id)+base64(0x01 || public key)`.
///
/// A key that was replaced counts up to a size of the log only; its text form has ` until <size>` behind it then.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    key: PublicKey,
    until: Option<u64>,
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
        let public = PublicKey::new(ED25519, name, key.verifying_key());
        Ok(Signer { verifier: Verifier { key: public, until: None }, key })
    }

    /// The public half, to be published and kept by auditors.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// One signature line over `text`.
    pub(super) fn line(&self, text: &str) -> String {
        self.verifier.line(&self.key.sign(text.as_bytes()).to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl Verifier {
    /// The public key of these 32 bytes, for the log called `name`.
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a note, or the bytes are no key that only one can sign for.
    pub fn from_public(name: &str, key: &[u8; 32]) -> Result<Verifier, KeyError> {
        check_name(name)?;
        let unusable = || KeyError::Key { name: name.to_owned() };
        let key = VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak()).ok_or_else(unusable)?;
        Ok(Verifier { key: PublicKey::new(ED25519, name, key), until: None })
    }

    /// Name of the log, which is the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        self.key.name()
    }

    pub(super) fn matches(&self, name: &str, id: [u8; 4]) -> bool {
        self.key.matches(name, id)
    }

    pub(super) fn accepts(&self, text: &str, signature: &[u8]) -> bool {
        self.key.accepts(text.as_bytes(), signature)
    }

    /// The line of a note that carries a signature of this key.
    pub(super) fn line(&self, signature: &[u8]) -> String {
        self.key.line(signature)
    }

    /// The same key, which counts for checkpoints of up to so many records.
    #[must_use]
    pub fn until(self, size: u64) -> Verifier {
        Verifier { until: Some(size), ..self }
    }

    /// Up to how many records it counts; `None` as long as it was not replaced.
    #[must_use]
    pub fn cut_off(&self) -> Option<u64> {
        self.until
    }

    /// Whether both wrap the same key, under whatever names.
    #[must_use]
    pub fn is_same_key(&self, other: &Verifier) -> bool {
        self.key.is_same_key(&other.key)
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Verifier, KeyError> {
        let (text, until) = match text.split_once(" until ") {
            Some((text, size)) => (text, Some(decimal(size).ok_or(KeyError::Form)?)),
            None => (text, None),
        };
        Ok(Verifier { key: PublicKey::read(ED25519, text)?, until })
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)?;
        self.until.map_or(Ok(()), |size| write!(f, " until {size}"))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
        let key = [&[ED25519][..], &STANDARD.decode(public).expect("base64")].concat();
        let text = signer.verifier().to_string();
        assert!(text.ends_with(&format!("+{}", STANDARD.encode(key))), "{text}");
        assert_eq!(signer.verifier().to_string().parse(), Ok(signer.verifier().clone()));
    }

    #[test]
    fn a_key_may_count_up_to_a_size_only() {
        let key: Verifier = format!("{GO} until 1042").parse().expect("verifier key");
        assert_eq!((key.cut_off(), key.to_string()), (Some(1042), format!("{GO} until 1042")));
        assert!(key.is_same_key(&GO.parse().expect("verifier key")));
        for odd in ["until", "until ", "until x", "until -1", "until 01", "until 1 ", "until 1 until 2"] {
            assert!(format!("{GO} {odd}").parse::<Verifier>().is_err(), "{odd}");
        }
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
        assert!(matches!(with("ARpc", "BRpc"), Err(KeyError::Kind { found: 5, wanted: 1, .. })));
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
