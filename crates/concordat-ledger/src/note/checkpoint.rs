//! The signed tree head of the log (`c2sp.org/tlog-checkpoint`).

use super::key::{Signer, Verifier};
use super::text::{NoteError, open};
use crate::decimal::decimal;
use crate::tree::{Frontier, Hash, MAX_SIZE};

/// A tree head with a verified signature: the log `origin` had `size` records under `root`.
///
/// There are two ways to one: to sign a [`Frontier`], and to verify a note, or a signature over what a [`Frontier`] is,
/// against the log's public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    note: String,
}

/// A note that is not a checkpoint of a known log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is malformed, unsigned, or wrongly signed.
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The signed text is not origin, size and root.
    #[error("the signed text is not a checkpoint of three lines: origin, number of records, root")]
    Form,
    /// It is signed by a key only that had been replaced by then.
    #[error(
        "the checkpoint of {size} records is signed by a key that counts up to {until} records only: it was replaced then"
    )]
    Replaced {
        /// Number of records.
        size: u64,
        /// Up to how many the key counts.
        until: u64,
    },
    /// The log named in the text is not the one whose key signed.
    #[error("the checkpoint of `{origin}` is not signed by a key of that name")]
    Origin {
        /// Origin in the text.
        origin: String,
    },
}

impl Signer {
    /// Signs what the tree is now. A tree only grows, so no two checkpoints of one tree contradict each other.
    #[must_use]
    pub fn checkpoint(&self, tree: &Frontier) -> Checkpoint {
        let text = self.verifier().statement(tree);
        self.verifier().noted(tree, &text, &self.line(&text))
    }
}

/// For keys that are elsewhere: what they are to sign, and the checkpoint that comes of it.
impl Verifier {
    /// The text of a checkpoint of what the tree is now.
    #[must_use]
    pub fn statement(&self, tree: &Frontier) -> String {
        format!("{}\n{}\n{}\n", self.name(), tree.size(), tree.root())
    }

    /// The checkpoint of the tree with a signature that somebody else made, if it is one of this key.
    ///
    /// # Errors
    ///
    /// When the signature does not fit.
    pub fn checkpoint(&self, tree: &Frontier, signature: &[u8]) -> Result<Checkpoint, NoteError> {
        let text = self.statement(tree);
        if !self.accepts(&text, signature) {
            return Err(NoteError::BadSignature { name: self.name().to_owned() });
        }
        Ok(self.noted(tree, &text, &self.line(signature)))
    }

    fn noted(&self, tree: &Frontier, text: &str, line: &str) -> Checkpoint {
        let note = format!("{text}\n{line}");
        Checkpoint { origin: self.name().to_owned(), size: tree.size(), root: tree.root(), note }
    }
}

impl Checkpoint {
    /// Accepts a note that a known key signed under the name of the log. Signatures of unknown keys are kept.
    ///
    /// # Errors
    ///
    /// When the note is malformed, no known key signed it, or a signature of a known key does not fit.
    pub fn open(note: &[u8], known: &[Verifier]) -> Result<Checkpoint, CheckpointError> {
        let (text, signers) = open(note, known)?;
        let (origin, size, root) = parts(text).ok_or(CheckpointError::Form)?;
        let of_the_log: Vec<&Verifier> =
            signers.into_iter().filter(|signer| signer.name() == origin).collect();
        if of_the_log.is_empty() {
            return Err(CheckpointError::Origin { origin: origin.to_owned() });
        }
        if let Some(until) = of_the_log.iter().map(|signer| signer.cut_off().unwrap_or(u64::MAX)).max()
            && size > until
        {
            return Err(CheckpointError::Replaced { size, until });
        }
        let note = String::from_utf8_lossy(note).into_owned();
        Ok(Checkpoint { origin: origin.to_owned(), size, root, note })
    }

    /// The same head with one more signature of its log, for the time in which an old and a new key overlap.
    ///
    /// # Errors
    ///
    /// When the signer is of another log.
    pub fn also_signed_by(mut self, signer: &Signer) -> Result<Checkpoint, CheckpointError> {
        if signer.verifier().name() != self.origin {
            return Err(CheckpointError::Origin { origin: self.origin });
        }
        let text = self.text();
        self.note.push_str(&signer.line(&text));
        Ok(self)
    }

    /// The text that is signed.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The same head in a note with more signatures.
    pub(super) fn noted(self, note: String) -> Checkpoint {
        Checkpoint { note, ..self }
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of records.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The signed note, to store and to publish as it is.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// What a note claims to be the head of, before any signature was looked at: origin, size and root.
pub(crate) fn claimed(note: &str) -> Option<(&str, u64, Hash)> {
    let (body, _) = note.rsplit_once("\n\n")?;
    parts(note.get(..=body.len())?)
}

fn parts(text: &str) -> Option<(&str, u64, Hash)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let size = decimal(size).filter(|size| *size <= MAX_SIZE)?;
    let whole = lines.next().is_none() && !origin.is_empty();
    root.parse().ok().filter(|_| whole).map(|root| (origin, size, root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    const ORIGIN: &str = "log.example/a";

    fn signer(seed: u8) -> Signer {
        Signer::from_seed(ORIGIN, &[seed; 32]).expect("name")
    }

    fn tree(size: u64) -> Frontier {
        let mut tree = Frontier::new();
        for index in 0..size {
            tree.append(leaf_hash(&index.to_be_bytes()));
        }
        tree
    }

    fn signed(text: &str) -> Vec<u8> {
        format!("{text}\n{}", signer(1).line(text)).into_bytes()
    }

    #[test]
    fn signed_heads_open_again() {
        for size in [0, 1, 2, 1000] {
            let checkpoint = signer(1).checkpoint(&tree(size));
            let opened = Checkpoint::open(checkpoint.note().as_bytes(), &[signer(1).verifier().clone()]);
            assert_eq!(opened.as_ref(), Ok(&checkpoint));
            assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, size));
            assert_eq!(checkpoint.root(), tree(size).root());
        }
    }

    #[test]
    fn the_form_is_that_of_the_specification() {
        let checkpoint = signer(1).checkpoint(&tree(3));
        let lines: Vec<&str> = checkpoint.note().split('\n').collect();
        let [origin, size, root, empty, signature, rest] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((*origin, *size, *root), (ORIGIN, "3", tree(3).root().to_string().as_str()));
        assert!(signature.starts_with("\u{2014} log.example/a ") && empty.is_empty() && rest.is_empty());
    }

    #[test]
    fn a_signature_from_elsewhere_makes_the_same_head() {
        use ed25519_dalek::Signer as _;
        let (key, tree) = (ed25519_dalek::SigningKey::from_bytes(&[1; 32]), tree(5));
        let verifier = Verifier::from_public(ORIGIN, &key.verifying_key().to_bytes()).expect("key");
        assert_eq!(&verifier, signer(1).verifier());
        let signature = key.sign(verifier.statement(&tree).as_bytes()).to_bytes();
        assert_eq!(verifier.checkpoint(&tree, &signature), Ok(signer(1).checkpoint(&tree)));
        let refused = Err(NoteError::BadSignature { name: ORIGIN.into() });
        for odd in [&key.sign(b"another text").to_bytes()[..], &signature[..63], &[]] {
            assert_eq!(verifier.checkpoint(&tree, odd), refused);
        }
    }

    #[test]
    fn both_keys_open_it_while_they_overlap() {
        let both = signer(1).checkpoint(&tree(2)).also_signed_by(&signer(2)).expect("same log");
        for seed in [1, 2] {
            assert!(Checkpoint::open(both.note().as_bytes(), &[signer(seed).verifier().clone()]).is_ok());
        }
        let stranger = Signer::from_seed("log.example/b", &[1; 32]).expect("name");
        assert!(both.also_signed_by(&stranger).is_err());
    }

    #[test]
    fn a_replaced_key_counts_up_to_its_cut_off() {
        let (old, new) = (signer(1), signer(2));
        let keys = [old.verifier().clone().until(5), new.verifier().clone()];
        let opened =
            |checkpoint: &Checkpoint| Checkpoint::open(checkpoint.note().as_bytes(), &keys).map(drop);
        for (size, by_old) in [(0, true), (5, true), (6, false), (9, false)] {
            let refused = Err(CheckpointError::Replaced { size, until: 5 });
            assert_eq!(opened(&old.checkpoint(&tree(size))), if by_old { Ok(()) } else { refused });
            assert_eq!(opened(&new.checkpoint(&tree(size))), Ok(()));
            let both = old.checkpoint(&tree(size)).also_signed_by(&new).expect("same log");
            assert_eq!(opened(&both), Ok(()));
        }
    }

    #[test]
    fn strangers_and_changes_are_refused() {
        let known = [signer(1).verifier().clone()];
        let note = signer(1).checkpoint(&tree(2)).note().to_owned();
        let by_another = signer(2).checkpoint(&tree(2));
        assert_eq!(
            Checkpoint::open(by_another.note().as_bytes(), &known),
            Err(CheckpointError::Note(NoteError::UnknownKeys))
        );
        assert_eq!(
            Checkpoint::open(note.as_bytes(), &[]),
            Err(CheckpointError::Note(NoteError::UnknownKeys))
        );
        for (place, byte) in note.bytes().enumerate() {
            for flip in [0x01, 0x20, 0x80] {
                let mut altered = note.clone().into_bytes();
                altered[place] = byte ^ flip;
                assert!(Checkpoint::open(&altered, &known).is_err(), "byte {place}");
            }
        }
    }

    #[test]
    fn only_three_lines_are_a_checkpoint() {
        let root = tree(1).root();
        let known = [signer(1).verifier().clone()];
        let open = |text: String| Checkpoint::open(&signed(&text), &known);
        assert!(open(format!("{ORIGIN}\n1\n{root}\n")).is_ok());
        for text in [
            format!("{ORIGIN}\n1\n"),
            format!("{ORIGIN}\n1\n{root}\nextension\n"),
            format!("{ORIGIN}\n01\n{root}\n"),
            format!("{ORIGIN}\n+1\n{root}\n"),
            format!("{ORIGIN}\n\n{root}\n"),
            format!("{ORIGIN}\n9007199254740992\n{root}\n"),
            format!("{ORIGIN}\n99999999999999999999\n{root}\n"),
            format!("{ORIGIN}\n1\n{root}=\n"),
            format!("\n1\n{root}\n"),
        ] {
            assert_eq!(open(text.clone()), Err(CheckpointError::Form), "{text:?}");
        }
        let other = open(format!("log.example/b\n1\n{root}\n"));
        assert_eq!(other, Err(CheckpointError::Origin { origin: "log.example/b".into() }));
    }
}
