//! The tokens of canonical JSON: how one literal, integer or string is written.

use std::io::Write as _;

use super::{MAX_BYTES, MAX_INTEGER, Reason};

/// The bytes written so far; never more than [`MAX_BYTES`].
pub(super) struct Tokens(Vec<u8>);

impl Default for Tokens {
    /// Room for an ordinary record, so that it is not moved while it grows.
    fn default() -> Tokens {
        Tokens(Vec::with_capacity(1024))
    }
}

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Takes back everything from `start` on.
    pub(super) fn split_off(&mut self, start: usize) -> Vec<u8> {
        self.0.split_off(start)
    }

    pub(super) fn plain(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(Reason::TooLarge);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn integer(&mut self, magnitude: u128, negative: bool) -> Result<(), Reason> {
        let magnitude = u64::try_from(magnitude).unwrap_or(u64::MAX);
        if magnitude > MAX_INTEGER {
            return Err(Reason::IntegerOutOfRange);
        }
        let mut digits = [0_u8; 17];
        let mut unused: &mut [u8] = &mut digits;
        let sign = if negative { "-" } else { "" };
        // At most sixteen digits and a sign, so the buffer always suffices.
        write!(unused, "{sign}{magnitude}").map_err(|_| Reason::IntegerOutOfRange)?;
        let free = unused.len();
        self.plain(digits.get(..digits.len() - free).unwrap_or_default())
    }

    pub(super) fn string(&mut self, text: &str) -> Result<(), Reason> {
        if self.0.len() + text.len() + 2 > MAX_BYTES {
            return Err(Reason::TooLarge);
        }
        self.0.push(b'"');
        let mut rest = text.as_bytes();
        // Looking at all bytes without stopping is what the compiler can do sixteen at a time.
        if rest.iter().fold(false, |found, &byte| found | is_escaped(byte)) {
            while let Some(plain) = rest.iter().position(|&byte| is_escaped(byte)) {
                let (run, tail) = rest.split_at(plain);
                let [byte, tail @ ..] = tail else { break };
                self.0.extend_from_slice(run);
                self.escape(*byte);
                rest = tail;
            }
        }
        self.0.extend_from_slice(rest);
        self.0.push(b'"');
        if self.0.len() > MAX_BYTES { Err(Reason::TooLarge) } else { Ok(()) }
    }

    /// The escapes of RFC 8785 section 3.2.2.2, and no others.
    fn escape(&mut self, byte: u8) {
        let short = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => byte,
            _ => {
                let low = byte & 0x0f;
                let digit = if low < 10 { b'0' + low } else { b'a' + low - 10 };
                self.0.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), digit]);
                return;
            }
        };
        self.0.extend_from_slice(&[b'\\', short]);
    }
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
