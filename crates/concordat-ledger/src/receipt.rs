//! A record's proof of inclusion under a checkpoint, as one text file (`c2sp.org/tlog-proof@v1`).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=     <- from the leaf's sibling upwards
//! …
//!
//! example.com/concordat                             <- the checkpoint, word for word
//! …
//! ```
//!
//! Whoever holds a record, its receipt and the log's public key needs neither the log nor its operator. A receipt
//! that was read is only a claim: size and root are taken from the checkpoint once its signature was verified.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::decimal::decimal;
use crate::note::{Checkpoint, CheckpointError, MAX_NOTE, Verifier, claimed};
use crate::tree::{Hash, Inclusion, ProofError, leaf_hash};

/// The first line of every receipt.
const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// Most bytes of the unauthenticated extra data.
pub const MAX_EXTRA: usize = 32 * 1024;

/// Most bytes of a receipt.
pub const MAX_RECEIPT: usize = MAX_NOTE + 2 * MAX_EXTRA;

/// A receipt, built or read. Its text form is what [`Display`](fmt::Display) writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    extra: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    note: String,
}

/// What a verified receipt proves: the record stands at `index` of the log under `checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proven {
    /// Position of the record in the log, counted from 0.
    pub index: u64,
    /// The signed head that it stands under.
    pub checkpoint: Checkpoint,
}

/// A receipt that cannot be built or read, or that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The text is not a receipt.
    #[error("line {line} of the receipt should be {expected}")]
    Form {
        /// Number of the line, counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// More bytes than [`MAX_RECEIPT`], or more extra data than [`MAX_EXTRA`].
    #[error("a receipt has at most {MAX_RECEIPT} bytes, and extra data at most {MAX_EXTRA}")]
    TooLong,
    /// The proof is for a tree of another size than the checkpoint's.
    #[error("the proof is for {proof} records, the checkpoint for {checkpoint}")]
    OtherSize {
        /// Size that the proof was built for.
        proof: u64,
        /// Size that the checkpoint signs.
        checkpoint: u64,
    },
    /// The checkpoint is not one of a known log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The record is not in the log at that place, or was changed since.
    #[error("the receipt does not prove this record: {0}")]
    Proof(#[from] ProofError),
}

impl Receipt {
    /// Puts a proof and the checkpoint of the same size together, and checks that they prove `leaf`.
    ///
    /// # Errors
    ///
    /// When they do not belong together; no receipt is handed out that would not verify.
    pub fn build(leaf: Hash, proof: &Inclusion, checkpoint: &Checkpoint) -> Result<Receipt, ReceiptError> {
        if proof.size() != checkpoint.size() {
            return Err(ReceiptError::OtherSize { proof: proof.size(), checkpoint: checkpoint.size() });
        }
        proof.verify(leaf, checkpoint.root())?;
        let (index, path) = (proof.index(), proof.path().to_vec());
        Ok(Receipt { extra: Vec::new(), index, path, note: checkpoint.note().to_owned() })
    }

    /// The same for a checkpoint of one's own log, as it was stored: its signatures are not looked at.
    ///
    /// # Errors
    ///
    /// When they do not belong together.
    pub fn of_stored(leaf: Hash, proof: &Inclusion, note: &str) -> Result<Receipt, ReceiptError> {
        let (_, size, root) = claimed(note).ok_or(CheckpointError::Form)?;
        if proof.size() != size {
            return Err(ReceiptError::OtherSize { proof: proof.size(), checkpoint: size });
        }
        proof.verify(leaf, root)?;
        let (index, path) = (proof.index(), proof.path().to_vec());
        Ok(Receipt { extra: Vec::new(), index, path, note: note.to_owned() })
    }

    /// The same receipt under a note with more signatures, such as those of witnesses, of the same head.
    ///
    /// # Errors
    ///
    /// When the checkpoint is another head than the receipt's.
    pub fn under(mut self, checkpoint: &Checkpoint) -> Result<Receipt, ReceiptError> {
        let head = (checkpoint.origin(), checkpoint.size(), checkpoint.root());
        match claimed(&self.note) {
            Some(own) if own == head => {
                self.note = checkpoint.note().to_owned();
                Ok(self)
            }
            Some((_, size, _)) => Err(ReceiptError::OtherSize { proof: size, checkpoint: checkpoint.size() }),
            None => Err(CheckpointError::Form.into()),
        }
    }

    /// Adds data for the reader's convenience. Nothing protects them.
    ///
    /// # Errors
    ///
    /// When they are longer than [`MAX_EXTRA`].
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Receipt, ReceiptError> {
        if extra.len() > MAX_EXTRA {
            return Err(ReceiptError::TooLong);
        }
        self.extra = extra;
        Ok(self)
    }

    /// Reads the text of a receipt; what it claims is still to be verified.
    ///
    /// # Errors
    ///
    /// When the text is not of the form.
    pub fn read(bytes: &[u8]) -> Result<Receipt, ReceiptError> {
        if bytes.len() > MAX_RECEIPT {
            return Err(ReceiptError::TooLong);
        }
        let form = |line, expected| ReceiptError::Form { line, expected };
        let text = std::str::from_utf8(bytes).map_err(|_| form(1, "UTF-8 text"))?;
        let (head, note) = text.split_once("\n\n").ok_or(form(1, "followed by an empty line"))?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        lines.next_if(|(_, text)| *text == MAGIC).ok_or(form(1, MAGIC))?;
        let mut extra = Vec::new();
        if let Some((line, text)) = lines.next_if(|(_, text)| text.starts_with("extra ")) {
            let decoded = text.strip_prefix("extra ").and_then(|text| STANDARD.decode(text).ok());
            let some = decoded.filter(|decoded| (1..=MAX_EXTRA).contains(&decoded.len()));
            extra = some.ok_or(form(line, "`extra` and base64"))?;
        }
        let (line, text) = lines.next().ok_or(form(2, "`index` and a number"))?;
        let index =
            text.strip_prefix("index ").and_then(decimal).ok_or(form(line, "`index` and a number"))?;
        let mut path = Vec::new();
        for (line, text) in lines {
            path.push(text.parse().map_err(|_| form(line, "a hash in base64"))?);
        }
        Ok(Receipt { extra, index, path, note: note.to_owned() })
    }

    /// Accepts only if these very bytes are a record of the log whose key is among the `known` ones.
    ///
    /// # Errors
    ///
    /// When no known key signed the checkpoint, or the proof does not lead from the record to its root.
    pub fn verify(&self, record: &[u8], known: &[Verifier]) -> Result<Proven, ReceiptError> {
        let checkpoint = Checkpoint::open(self.note.as_bytes(), known)?;
        let proof = Inclusion::claimed(self.index, checkpoint.size(), self.path.clone())?;
        proof.verify(leaf_hash(record), checkpoint.root())?;
        Ok(Proven { index: self.index, checkpoint })
    }

    /// The position of the record that it claims.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of records under the checkpoint that it claims, if that is one.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        claimed(&self.note).map(|(_, size, _)| size)
    }

    /// The unauthenticated extra data, mostly empty.
    #[must_use]
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Signer;
    use crate::tree::{Frontier, node_of_leaves};

    struct Log {
        records: Vec<Vec<u8>>,
        leaves: Vec<Hash>,
        checkpoint: Checkpoint,
        known: [Verifier; 1],
    }

    fn log(size: u8) -> Log {
        let signer = Signer::from_seed("log.example/a", &[1; 32]).expect("name");
        let records: Vec<Vec<u8>> = (0..size).map(|index| format!("record {index}").into_bytes()).collect();
        let leaves: Vec<Hash> = records.iter().map(|record| leaf_hash(record)).collect();
        let mut tree = Frontier::new();
        for leaf in &leaves {
            tree.append(*leaf);
        }
        Log { records, leaves, checkpoint: signer.checkpoint(&tree), known: [signer.verifier().clone()] }
    }

    fn receipt(log: &Log, index: usize) -> Receipt {
        let fetch = |node| node_of_leaves(&log.leaves, node);
        let proof = Inclusion::prove(index as u64, log.leaves.len() as u64, fetch).expect("known nodes");
        Receipt::build(log.leaves[index], &proof, &log.checkpoint).expect("belongs together")
    }

    #[test]
    fn every_record_of_every_log_has_a_receipt() {
        for size in 1..=9 {
            let log = log(size);
            for index in 0..log.records.len() {
                let text = receipt(&log, index).to_string();
                let read = Receipt::read(text.as_bytes()).expect("receipt");
                assert_eq!(read.to_string(), text);
                let proven = read.verify(&log.records[index], &log.known).expect("proof");
                assert_eq!((proven.index, &proven.checkpoint), (index as u64, &log.checkpoint));
                assert!(read.verify(b"another record", &log.known).is_err());
                assert!(read.verify(&log.records[index], &[]).is_err());
            }
        }
    }

    #[test]
    fn the_form_is_that_of_the_specification() {
        let log = log(3);
        let receipt = receipt(&log, 2).with_extra(b"hint".to_vec()).expect("short");
        let pair = crate::tree::node_hash(&log.leaves[0], &log.leaves[1]);
        let expected =
            format!("c2sp.org/tlog-proof@v1\nextra aGludA==\nindex 2\n{pair}\n\n{}", log.checkpoint.note());
        assert_eq!(receipt.to_string(), expected);
        assert_eq!(Receipt::read(expected.as_bytes()).as_ref().map(Receipt::extra), Ok(&b"hint"[..]));
    }

    #[test]
    fn no_changed_byte_passes() {
        let log = log(5);
        let text = receipt(&log, 3).to_string();
        for place in 0..text.len() {
            for flip in [0x01, 0x02, 0x10, 0x80] {
                let mut altered = text.clone().into_bytes();
                altered[place] ^= flip;
                let verified =
                    Receipt::read(&altered).and_then(|read| read.verify(&log.records[3], &log.known));
                assert!(verified.is_err(), "byte {place}");
            }
        }
    }

    #[test]
    fn what_does_not_belong_together_is_not_built() {
        let (five, six) = (log(5), log(6));
        let proof = Inclusion::prove(3, 5, |node| node_of_leaves(&five.leaves, node)).expect("known nodes");
        let other = Receipt::build(five.leaves[3], &proof, &six.checkpoint);
        assert_eq!(other, Err(ReceiptError::OtherSize { proof: 5, checkpoint: 6 }));
        let other = Receipt::build(five.leaves[4], &proof, &five.checkpoint);
        assert_eq!(other, Err(ReceiptError::Proof(ProofError::OtherRoot)));
    }

    #[test]
    fn a_stored_checkpoint_needs_no_key_and_may_get_more_signatures() {
        let log = log(5);
        let proof = Inclusion::prove(3, 5, |node| node_of_leaves(&log.leaves, node)).expect("known nodes");
        let stored =
            Receipt::of_stored(log.leaves[3], &proof, log.checkpoint.note()).expect("belongs together");
        assert_eq!((&stored, stored.index(), stored.size()), (&receipt(&log, 3), 3, Some(5)));
        assert!(Receipt::of_stored(log.leaves[4], &proof, log.checkpoint.note()).is_err());
        assert!(Receipt::of_stored(log.leaves[3], &proof, "no note").is_err());
        let other = Signer::from_seed("log.example/a", &[2; 32]).expect("name");
        let both = log.checkpoint.clone().also_signed_by(&other).expect("same log");
        let under = stored.clone().under(&both).expect("same head");
        assert!(under.verify(&log.records[3], &[other.verifier().clone()]).is_ok());
        assert!(stored.under(&super::tests::log(4).checkpoint).is_err());
    }

    #[test]
    fn odd_forms_are_refused_with_their_line() {
        let note = log(1).checkpoint.note().to_owned();
        for (head, line) in [
            ("c2sp.org/tlog-proof@v2\nindex 0\n", 1),
            ("c2sp.org/tlog-proof@v1\n", 2),
            ("c2sp.org/tlog-proof@v1\nextra \nindex 0\n", 2),
            ("c2sp.org/tlog-proof@v1\nextra !\nindex 0\n", 2),
            ("c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 0\n", 3),
            ("c2sp.org/tlog-proof@v1\nindex 00\n", 2),
            ("c2sp.org/tlog-proof@v1\nindex -1\n", 2),
            ("c2sp.org/tlog-proof@v1\nindex 0\nAA==\n", 3),
            ("c2sp.org/tlog-proof@v1\nindex 0\r\n", 2),
        ] {
            let refused = Receipt::read(format!("{head}\n{note}").as_bytes());
            assert!(
                matches!(refused, Err(ReceiptError::Form { line: at, .. }) if at == line),
                "{head:?}: {refused:?}"
            );
        }
        assert!(Receipt::read(b"").is_err());
        assert_eq!(Receipt::read(&vec![b'x'; MAX_RECEIPT + 1]), Err(ReceiptError::TooLong));
    }
}
