//! Accepting exactly the canonical form, in one pass and without building anything.
//!
//! Because only one form is right, checking is a grammar: names must ascend strictly (so none stands twice),
//! an escape must be the one that the writer would have chosen, and between tokens there is nothing.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::{MAX_BYTES, MAX_DEPTH, MAX_INTEGER, Reason, Refusal};

/// Accepts `bytes` if and only if they are one canonical document.
///
/// # Errors
///
/// The first offence and its place.
pub fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let mut scanner = Scanner::new(bytes)?;
    scanner.value()?;
    scanner.end()
}

/// Reads one canonical document; whatever [`check`] refuses is refused.
///
/// # Errors
///
/// The first offence and its place.
pub fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| Reason::Value(error.to_string()).into())
}

/// Walks over canonical JSON from left to right.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Scanner<'a>, Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Reason::TooLarge.into());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Scanner { text, bytes, at: 0, depth: 0 }),
            Err(error) => Err(Reason::NotUtf8 { at: error.valid_up_to() }.into()),
        }
    }

    /// The whole document as text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Counts the surrounding object, whose members the caller reads itself, as one level of nesting.
    pub(crate) fn inside_an_object(mut self) -> Scanner<'a> {
        self.depth += 1;
        self
    }

    /// Passes over one value and says where it stands.
    pub(crate) fn value(&mut self) -> Result<Range<usize>, Refusal> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(drop)?,
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'-' | b'0'..=b'9') => self.integer().map(drop)?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            _ => return Err(self.unexpected()),
        }
        Ok(start..self.at)
    }

    /// Passes over a string and says where its content stands, the quotes left out.
    pub(crate) fn string(&mut self) -> Result<Range<usize>, Refusal> {
        self.literal(b"\"")?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
                None => return Err(Reason::Truncated.into()),
                Some(plain) => self.at += plain,
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(Reason::Escape { at: self.at }.into()),
            }
        }
        let content = start..self.at;
        self.at += 1;
        Ok(content)
    }

    /// Passes over an integer and gives its magnitude and whether it is negative.
    pub(crate) fn integer(&mut self) -> Result<(u64, bool), Refusal> {
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let start = self.at;
        let mut magnitude: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            magnitude = magnitude.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - start;
        match self.peek() {
            _ if digits == 0 => Err(self.unexpected()),
            _ if digits > 1 && self.bytes.get(start) == Some(&b'0') => {
                Err(Reason::Syntax { at: start }.into())
            }
            Some(b'.' | b'e' | b'E') => Err(Reason::Float.into()),
            _ if negative && magnitude == 0 => Err(Reason::Float.into()),
            _ if magnitude > MAX_INTEGER => Err(Reason::IntegerOutOfRange.into()),
            _ => Ok((magnitude, negative)),
        }
    }

    /// Passes over exactly these bytes.
    pub(crate) fn literal(&mut self, expected: &[u8]) -> Result<(), Refusal> {
        for byte in expected {
            if self.peek() != Some(*byte) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        Ok(())
    }

    pub(crate) fn end(&self) -> Result<(), Refusal> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(Reason::Trailing { at: self.at }.into()) }
    }

    fn nested(&mut self, inside: fn(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        if self.depth == MAX_DEPTH {
            return Err(Reason::TooDeep.into());
        }
        self.depth += 1;
        self.at += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), Refusal> {
        if self.passes(b'}') {
            return Ok(());
        }
        let mut previous: Option<&[u8]> = None;
        loop {
            let range = self.string()?;
            let name = self.bytes.get(range).unwrap_or_default();
            self.member(previous, name)
                .map_err(|refusal| refusal.under(&String::from_utf8_lossy(&raw(name))))?;
            previous = Some(name);
            if self.passes(b'}') {
                return Ok(());
            }
            self.literal(b",")?;
        }
    }

    fn member(&mut self, previous: Option<&[u8]>, name: &[u8]) -> Result<(), Refusal> {
        if !name.is_ascii() {
            return Err(Reason::NameNotAscii.into());
        }
        if let Some(previous) = previous {
            match raw(previous).cmp(&raw(name)) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(Reason::DuplicateName.into()),
                std::cmp::Ordering::Greater => return Err(Reason::NamesUnsorted.into()),
            }
        }
        self.literal(b":")?;
        self.value().map(drop)
    }

    fn array(&mut self) -> Result<(), Refusal> {
        if self.passes(b']') {
            return Ok(());
        }
        for index in 0_usize.. {
            self.value().map_err(|refusal| refusal.under(&index.to_string()))?;
            if self.passes(b']') {
                break;
            }
            self.literal(b",")?;
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = match rest {
            [_, b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            // Control characters with a short escape (b, t, n, f, r) never stand as \u00xx.
            [_, b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [_, b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return Err(Reason::Escape { at: self.at }.into()),
        };
        self.at += length;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn passes(&mut self, byte: u8) -> bool {
        let passes = self.peek() == Some(byte);
        self.at += usize::from(passes);
        passes
    }

    fn unexpected(&self) -> Refusal {
        match self.peek() {
            None => Reason::Truncated.into(),
            Some(b' ' | b'\t' | b'\n' | b'\r') => Reason::WhiteSpace { at: self.at }.into(),
            Some(_) => Reason::Syntax { at: self.at }.into(),
        }
    }
}

/// The name behind its escapes; names are ordered by this, not by how they are written.
fn raw(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') {
        return Cow::Borrowed(name);
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'\\', [b'b', tail @ ..]) => (0x08, tail),
            (b'\\', [b't', tail @ ..]) => (b'\t', tail),
            (b'\\', [b'n', tail @ ..]) => (b'\n', tail),
            (b'\\', [b'f', tail @ ..]) => (0x0c, tail),
            (b'\\', [b'r', tail @ ..]) => (b'\r', tail),
            (b'\\', [b'u', _, _, high, low, tail @ ..]) => (16 * nibble(*high) + nibble(*low), tail),
            (b'\\', [other, tail @ ..]) => (*other, tail),
            (other, tail) => (*other, tail),
        };
        plain.push(byte);
        rest = tail;
    }
    Cow::Owned(plain)
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit & 0x0f,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(text: &str, pointer: &str, reason: Reason) {
        assert_eq!(check(text.as_bytes()), Err(Refusal { pointer: pointer.into(), reason }), "{text}");
    }

    #[test]
    fn canonical_documents_pass() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-1",
            "9007199254740991",
            "-9007199254740991",
            "\"\"",
            "[]",
            "{}",
            "[[],{}]",
            "{\"\":1,\"a\":[1,-2,\"x\"],\"b\":{\"c\":null}}",
            "\"\\b\\t\\n\\f\\r\\\"\\\\\\u0000\\u000b\\u001f\u{7f}€\u{2028}\u{1f600}/\"",
            // U+0001 sorts before the space although its escape begins with a backslash.
            "{\"\\u0001\":1,\" \":2,\"\\\"\":3,\"\\\\\":4,\"a\":5}",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused_with_their_place() {
        check_refused("", "", Reason::Truncated);
        check_refused(" 1", "", Reason::WhiteSpace { at: 0 });
        check_refused("1 ", "", Reason::Trailing { at: 1 });
        check_refused("{}{}", "", Reason::Trailing { at: 2 });
        check_refused("[1,2", "", Reason::Truncated);
        check_refused("[1,]", "/1", Reason::Syntax { at: 3 });
        check_refused("[1, 2]", "/1", Reason::WhiteSpace { at: 3 });
        check_refused("{\"a\":}", "/a", Reason::Syntax { at: 5 });
        check_refused("{\"a\":1,}", "", Reason::Syntax { at: 7 });
        check_refused("{a:1}", "", Reason::Syntax { at: 1 });
        check_refused("nul", "", Reason::Truncated);
        check_refused("nule", "", Reason::Syntax { at: 3 });
        check_refused("NaN", "", Reason::Syntax { at: 0 });
        check_refused("\u{feff}1", "", Reason::Syntax { at: 0 });
    }

    #[test]
    fn numbers_are_plain_integers() {
        for float in ["1.0", "1e3", "0.5", "-0", "-0.0", "1E400", "9007199254740993.0", "0e1"] {
            check_refused(&format!("{{\"a\":[{float}]}}"), "/a/0", Reason::Float);
        }
        for big in ["9007199254740992", "-9007199254740993", "18446744073709551616", &"9".repeat(60_000)] {
            check_refused(big, "", Reason::IntegerOutOfRange);
        }
        check_refused("01", "", Reason::Syntax { at: 0 });
        check_refused("-", "", Reason::Truncated);
        check_refused("+1", "", Reason::Syntax { at: 0 });
        check_refused("-a", "", Reason::Syntax { at: 1 });
    }

    #[test]
    fn names_are_ascii_and_ascend() {
        check_refused("{\"a\":1,\"a\":2}", "/a", Reason::DuplicateName);
        check_refused("{\"b\":1,\"a\":2}", "/a", Reason::NamesUnsorted);
        check_refused("{\"a\":1,\"B\":2}", "/B", Reason::NamesUnsorted);
        check_refused("{\" \":1,\"\\u0001\":2}", "/\u{1}", Reason::NamesUnsorted);
        check_refused("{\"é\":1}", "/é", Reason::NameNotAscii);
        check_refused("{\"x\":{\"a/b~c\":1.5}}", "/x/a~1b~0c", Reason::Float);
    }

    #[test]
    fn escapes_are_the_shortest() {
        for (text, at) in [
            ("\"\\/\"", 1),
            ("\"\\u0041\"", 1),
            ("\"\\u000a\"", 1),
            ("\"\\u001F\"", 1),
            ("\"\\ud800\"", 1),
            ("\"ab\\x\"", 3),
            ("\"a\n\"", 2),
        ] {
            check_refused(text, "", Reason::Escape { at });
        }
    }

    #[test]
    fn hostile_documents_are_refused_early() {
        let pointer = "/0".repeat(MAX_DEPTH);
        check_refused(&"[".repeat(60_000), &pointer, Reason::TooDeep);
        check_refused(&format!("\"{}\"", "x".repeat(MAX_BYTES)), "", Reason::TooLarge);
        assert_eq!(check(b"\"\xff\""), Err(Reason::NotUtf8 { at: 1 }.into()));
        let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(check(deepest.as_bytes()), Ok(()));
    }

    #[test]
    fn parsed_values_are_what_was_written() {
        let parsed = parse(b"{\"a\":[1,\"\\n\"]}").expect("canonical");
        assert_eq!(parsed, serde_json::json!({"a": [1, "\n"]}));
    }
}
