//! The form of any signed note, and what its signatures are worth.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::Verifier;
use super::public_key::is_name;
use super::{MAX_NOTE, MAX_SIGNATURES};

/// A note that says nothing, because of its form or its signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More bytes than [`MAX_NOTE`].
    #[error("a signed note has at most {MAX_NOTE} bytes, this one has {length}")]
    TooLong {
        /// How many bytes there are.
        length: usize,
    },
    /// More signatures than [`MAX_SIGNATURES`].
    #[error("a signed note has at most {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// Not UTF-8, or with a control character other than the end of a line.
    #[error("a signed note is UTF-8 text without control characters")]
    NotText,
    /// No text, no empty line or no signature after it.
    #[error("a signed note is text, an empty line and signature lines, each with a line end")]
    Form,
    /// A signature line of another form.
    #[error("signature line {line} does not look like `\u{2014} name base64`")]
    SignatureForm {
        /// Number of the line among the signatures, counted from 1.
        line: usize,
    },
    /// A signature of a known key does not fit the text.
    #[error("the signature of `{name}` does not fit the text: one of them was changed")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// No signature of a known key.
    #[error("no signature is by a known key; hint: give the verifier key that the log's operator published")]
    UnknownKeys,
}

/// One signature line of a note.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) id: [u8; 4],
    pub(super) signature: Vec<u8>,
}

/// Parts the text of a note from its signatures and demands one of a known key.
///
/// A signature of a known key that does not fit rejects the note, whatever else it carries.
pub(super) fn open<'a, 'k>(
    note: &'a [u8],
    known: &'k [Verifier],
) -> Result<(&'a str, Vec<&'k Verifier>), NoteError> {
    let (text, lines) = split(note)?;
    let mut signers = Vec::new();
    for Line { name, id, signature } in lines {
        for verifier in known.iter().filter(|verifier| verifier.matches(name, id)) {
            if !verifier.accepts(text, &signature) {
                return Err(NoteError::BadSignature { name: name.to_owned() });
            }
            signers.push(verifier);
        }
    }
    if signers.is_empty() { Err(NoteError::UnknownKeys) } else { Ok((text, signers)) }
}

/// The text of a note and its signature lines, whatever they are worth.
pub(super) fn split(note: &[u8]) -> Result<(&str, Vec<Line<'_>>), NoteError> {
    if note.len() > MAX_NOTE {
        return Err(NoteError::TooLong { length: note.len() });
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::NotText)?;
    if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::NotText);
    }
    let (body, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
    // The last line of the text keeps its line end; the empty line belongs to neither.
    let text = note.get(..=body.len()).ok_or(NoteError::Form)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
    if signatures.split('\n').nth(MAX_SIGNATURES).is_some() {
        return Err(NoteError::TooManySignatures);
    }
    let lines = signatures.split('\n').enumerate();
    let lines = lines.map(|(line, text)| parts(text).ok_or(NoteError::SignatureForm { line: line + 1 }));
    Ok((text, lines.collect::<Result<_, _>>()?))
}

/// Name, key id and signature of one line.
pub(super) fn parts(line: &str) -> Option<Line<'_>> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let mut bytes = STANDARD.decode(encoded).ok()?;
    if bytes.len() <= 4 {
        return None;
    }
    let signature = bytes.split_off(4);
    let id = bytes.try_into().ok()?;
    is_name(name).then_some(Line { name, id, signature })
}

#[cfg(test)]
mod tests {
    use super::super::Signer;
    use super::*;

    /// From the documentation of Go's `golang.org/x/mod/sumdb/note`.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const GO_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn go() -> Vec<Verifier> {
        vec![GO_KEY.parse().expect("verifier key")]
    }

    fn check_refused(note: &str, error: NoteError) {
        assert_eq!(open(note.as_bytes(), &go()), Err(error), "{note:?}");
    }

    #[test]
    fn notes_of_go_are_accepted() {
        let note = format!("{GO_TEXT}\n{GO_LINE}");
        assert_eq!(open(note.as_bytes(), &go()), Ok((GO_TEXT, vec![&go()[0]])));
    }

    #[test]
    fn unknown_keys_are_passed_over_and_known_ones_must_fit() {
        let other = Signer::from_seed("PeterNeumann", &[7; 32]).expect("name").line(GO_TEXT);
        let good = format!("{GO_TEXT}\n{other}{GO_LINE}{other}");
        assert!(open(good.as_bytes(), &go()).is_ok());
        check_refused(&format!("{GO_TEXT}\n{other}"), NoteError::UnknownKeys);
        let bad = NoteError::BadSignature { name: "PeterNeumann".into() };
        check_refused(&format!("x{GO_TEXT}\n{GO_LINE}"), bad.clone());
        check_refused(&format!("{GO_TEXT}\n{other}{}", GO_LINE.replace("wJnAM=", "wJnAI=")), bad.clone());
        // A second line in the name of a known key is held against it too.
        check_refused(&format!("{GO_TEXT}\n{GO_LINE}\u{2014} PeterNeumann x08gowAAAA==\n"), bad);
    }

    #[test]
    fn sixteen_large_signatures_are_accepted() {
        let large = format!("\u{2014} witness.example/pq {}\n", STANDARD.encode([9; 5000]));
        let note = format!("{GO_TEXT}\n{}{GO_LINE}", large.repeat(15));
        assert!(open(note.as_bytes(), &go()).is_ok());
    }

    #[test]
    fn odd_forms_are_refused() {
        for form in ["", "\n", "\n\n", "text\n", "text\n\n", GO_LINE, &format!("{GO_TEXT}{GO_LINE}")] {
            check_refused(form, NoteError::Form);
        }
        check_refused(&format!("{GO_TEXT}\n{}", GO_LINE.trim_end()), NoteError::Form);
        check_refused(&format!("\0{GO_TEXT}\n{GO_LINE}"), NoteError::NotText);
        check_refused(&format!("{GO_TEXT}\n{GO_LINE}").replace('\n', "\r\n"), NoteError::NotText);
        assert_eq!(open(b"\xff\n\n", &go()), Err(NoteError::NotText));
        for line in [
            "-- a AAAAAAA=",
            "\u{2014} a",
            "\u{2014} a b c",
            "\u{2014}  AAAAAAA=",
            "\u{2014} a+b AAAAAAA=",
            "\u{2014} a AAAA",
            "\u{2014} a AAAAAA==",
            "x",
        ] {
            check_refused(&format!("{GO_TEXT}\n{GO_LINE}{line}\n"), NoteError::SignatureForm { line: 2 });
        }
        check_refused(&format!("{GO_TEXT}\n{}", GO_LINE.repeat(101)), NoteError::TooManySignatures);
        check_refused(&"x".repeat(MAX_NOTE + 1), NoteError::TooLong { length: MAX_NOTE + 1 });
    }
}
