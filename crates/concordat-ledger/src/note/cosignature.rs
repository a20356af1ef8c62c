//! What a witness adds to a checkpoint (`c2sp.org/tlog-cosignature`): at this time, this was the largest tree of the
//! log that it had seen, and it continued all that it had seen before.
//!
//! Signed with Ed25519 (type 0x04). The specification prefers ML-DSA-44 (type 0x06) for new witnesses; keys of it
//! are recognised and refused by name, and their signatures are passed on like those of any unknown key.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey};

use super::checkpoint::Checkpoint;
use super::public_key::{KeyError, PublicKey, check_name};
use super::text::{Line, NoteError, parts, split};

/// Signature type of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 0x04;

/// A witness's private key. It cannot be printed or copied, and its memory is wiped when it is dropped.
pub struct Cosigner {
    witness: Witness,
    key: SigningKey,
}

/// A witness's public key with its name. Text form (`vkey`): `name+hex(key id)+base64(0x04 || public key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Witness(PublicKey);

impl Cosigner {
    /// The key that grows from 32 secret bytes, for the witness of this name.
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a note.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Cosigner, KeyError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(seed);
        Ok(Cosigner { witness: Witness(PublicKey::new(COSIGNATURE, name, key.verifying_key())), key })
    }

    /// The public half, for those who trust this witness.
    #[must_use]
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// The signature line for a checkpoint, at a time in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> String {
        let signature = self.key.sign(message(&checkpoint.text(), time).as_bytes()).to_bytes();
        self.witness.0.line(&[&time.to_be_bytes()[..], &signature].concat())
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner").field("witness", &self.witness).finish_non_exhaustive()
    }
}

impl Witness {
    /// Name of the witness.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// When this witness cosigned the note, in seconds since 1970; the latest time if it did more than once.
    ///
    /// # Errors
    ///
    /// When the note is none, or has a signature of this witness that does not fit.
    pub fn time_of(&self, note: &[u8]) -> Result<Option<u64>, NoteError> {
        let (text, lines) = split(note)?;
        let mut latest = None;
        for Line { name, id, signature } in lines {
            if self.0.matches(name, id) {
                let time = self.checked(text, &signature);
                latest = latest.max(Some(time.ok_or(NoteError::BadSignature { name: name.to_owned() })?));
            }
        }
        Ok(latest)
    }

    fn checked(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let fits = i64::try_from(time).is_ok() && self.0.accepts(message(text, time).as_bytes(), signature);
        fits.then_some(time)
    }

    /// Whether both wrap the same key, under whatever names.
    pub(crate) fn is_same_key(&self, other: &Witness) -> bool {
        self.0.is_same_key(&other.0)
    }
}

impl Checkpoint {
    /// The same head with signature lines that somebody sent, each once. What they are worth is not decided here.
    ///
    /// # Errors
    ///
    /// When something else than signature lines was sent, or the note would become too long.
    pub fn with_lines(self, lines: &str) -> Result<Checkpoint, NoteError> {
        let sent = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut note = self.note().to_owned();
        for (nth, line) in sent.split('\n').enumerate() {
            parts(line).ok_or(NoteError::SignatureForm { line: nth + 1 })?;
            if !note.lines().any(|known| known == line) {
                note.push_str(line);
                note.push('\n');
            }
        }
        split(note.as_bytes())?;
        Ok(self.noted(note))
    }
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl FromStr for Witness {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Witness, KeyError> {
        PublicKey::read(COSIGNATURE, text).map(Witness)
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Witness({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Signer;
    use super::*;
    use crate::tree::{Frontier, leaf_hash};

    fn signed() -> (Checkpoint, Signer) {
        let signer = Signer::from_seed("log.example/a", &[1; 32]).expect("name");
        let mut tree = Frontier::new();
        tree.append(leaf_hash(b"x"));
        (signer.checkpoint(&tree), signer)
    }

    fn cosigner(seed: u8) -> Cosigner {
        Cosigner::from_seed("witness.example/w", &[seed; 32]).expect("name")
    }

    #[test]
    fn cosignatures_are_recognised_with_their_time() {
        let (checkpoint, signer) = signed();
        let one = cosigner(9);
        assert_eq!(one.witness().time_of(checkpoint.note().as_bytes()), Ok(None));
        let lines = [one.cosign(&checkpoint, 1_679_315_147), one.cosign(&checkpoint, 7)].concat();
        let twice = checkpoint.with_lines(&lines).expect("lines");
        let note = twice.note().to_owned();
        assert_eq!(one.witness().time_of(note.as_bytes()), Ok(Some(1_679_315_147)));
        assert_eq!(cosigner(8).witness().time_of(note.as_bytes()), Ok(None));
        let again = twice.with_lines(&lines).expect("lines");
        assert_eq!(again.note(), note, "known lines are not added again");
        let opened = Checkpoint::open(note.as_bytes(), &[signer.verifier().clone()]);
        assert_eq!(opened.map(|opened| opened.note().to_owned()), Ok(note));
        assert_eq!(one.witness().to_string().parse(), Ok(one.witness().clone()));
    }

    #[test]
    fn a_log_and_a_witness_are_not_taken_for_each_other() {
        let (_, signer) = signed();
        let refused = signer.verifier().to_string().parse::<Witness>();
        assert!(matches!(refused, Err(KeyError::Kind { found: 1, wanted: 4, .. })), "{refused:?}");
        let refused = cosigner(1).witness().to_string().parse::<super::super::Verifier>();
        assert!(matches!(refused, Err(KeyError::Kind { found: 4, wanted: 1, .. })), "{refused:?}");
        let later = format!("witness.example/pq+00000000+{}", {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode([&[6][..], &[0; 1312]].concat())
        });
        let refused = later.parse::<Witness>().expect_err("not supported").to_string();
        assert!(refused.contains("0x06, ML-DSA-44, is not supported yet"), "{refused}");
    }

    #[test]
    fn no_changed_byte_of_a_cosigned_note_passes() {
        let (checkpoint, signer) = signed();
        let cosigned = checkpoint.clone().with_lines(&cosigner(9).cosign(&checkpoint, 7)).expect("lines");
        let known = [signer.verifier().clone()];
        for place in 0..cosigned.note().len() {
            let mut altered = cosigned.note().as_bytes().to_vec();
            altered[place] ^= 0x01;
            let fine = Checkpoint::open(&altered, &known).is_ok()
                && cosigner(9).witness().time_of(&altered).is_ok_and(|time| time.is_some());
            assert!(!fine, "byte {place}");
        }
    }

    #[test]
    fn what_is_no_signature_line_is_not_added() {
        let (checkpoint, _) = signed();
        let good = cosigner(9).cosign(&checkpoint, 7);
        for sent in ["", "\n", "x\n", good.trim_end(), &format!("{good}\n"), &format!("{good}\n{good}")] {
            assert!(checkpoint.clone().with_lines(sent).is_err(), "{sent:?}");
        }
        let many: String = (0..101).map(|seed| cosigner(seed).cosign(&checkpoint, 7)).collect();
        assert_eq!(checkpoint.with_lines(&many), Err(NoteError::TooManySignatures));
    }
}
