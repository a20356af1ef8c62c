//! Why a document has no canonical form, or is not in it, and where.

use std::borrow::Cow;

use super::{MAX_BYTES, MAX_DEPTH};

/// A document that was not written or not accepted, with the place of the first offence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at `{}`: {reason}", if pointer.is_empty() { "/" } else { pointer })]
pub struct Refusal {
    /// JSON pointer (RFC 6901) of the offending place; empty for the whole document.
    pub pointer: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// What the canonical form does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A number with a fraction or an exponent, or negative zero.
    #[error("a number that is not a plain integer; hint: use a smaller unit, such as parts per million")]
    Float,
    /// An integer whose magnitude is above 2^53 - 1.
    #[error("an integer beyond 2^53 - 1; hint: write it as a decimal string")]
    IntegerOutOfRange,
    /// A member name with a character outside ASCII.
    #[error("a member name outside ASCII; hint: put the name into a string value")]
    NameNotAscii,
    /// A map key that is neither text nor an integer.
    #[error("a member name that is not text")]
    NameNotText,
    /// The same member name twice in one object.
    #[error("the member name stands twice in its object")]
    DuplicateName,
    /// Member names that do not ascend.
    #[error("the member names are not in ascending order")]
    NamesUnsorted,
    /// More nesting than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More bytes than [`MAX_BYTES`].
    #[error("longer than {MAX_BYTES} bytes; hint: store the content apart and record its digest")]
    TooLarge,
    /// Pre-rendered JSON, whose form nobody checked.
    #[error("pre-rendered JSON; hint: pass the value itself")]
    Prerendered,
    /// A space, tab or line break between tokens.
    #[error("white space at byte {at}, where the canonical form has none")]
    WhiteSpace {
        /// Offset from the start of the document.
        at: usize,
    },
    /// An escape that RFC 8785 writes differently.
    #[error("an escape at byte {at} that the canonical form writes differently")]
    Escape {
        /// Offset from the start of the document.
        at: usize,
    },
    /// Not JSON at all.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset from the start of the document.
        at: usize,
    },
    /// The document ends too early.
    #[error("the document ends too early")]
    Truncated,
    /// Bytes after the document.
    #[error("more bytes after the document's end at byte {at}")]
    Trailing {
        /// Offset from the start of the document.
        at: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset from the start of the document.
        at: usize,
    },
    /// The value's own serializer gave up.
    #[error("{0}")]
    Value(String),
}

impl Refusal {
    /// The same refusal, seen from one level further out.
    pub(crate) fn under(self, segment: &str) -> Refusal {
        Refusal { pointer: format!("/{}{}", escaped(segment), self.pointer), reason: self.reason }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal { pointer: String::new(), reason }
    }
}

impl serde::ser::Error for Refusal {
    fn custom<T: std::fmt::Display>(message: T) -> Refusal {
        Reason::Value(message.to_string()).into()
    }
}

fn escaped(segment: &str) -> Cow<'_, str> {
    if segment.contains(['~', '/']) {
        segment.replace('~', "~0").replace('/', "~1").into()
    } else {
        segment.into()
    }
}
