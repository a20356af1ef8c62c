//! One value, one sequence of bytes: a subset of RFC 8785 (JCS) that leaves nothing to interpret.
//!
//! A record is hashed as bytes, so two programs must write the same value the same way. RFC 8785 does that, but
//! its floating point numbers and its UTF-16 order of names are where implementations differ. We leave both
//! out: member names are ASCII, numbers are integers of at most 2^53 - 1, and everything that we write is plain
//! RFC 8785 for every reader.
//!
//! [`write()`] refuses what the subset does not hold; [`check`] accepts exactly what [`write()`] can produce.
//! Every refusal names its place with a JSON pointer. Nothing here corrects or rounds: money and scores are
//! integers of a smaller unit, bigger integers are decimal strings.

mod name;
mod object;
mod read;
mod refusal;
mod shape;
mod token;
mod write;

pub(crate) use read::Scanner;
pub use read::{check, parse};
pub use refusal::{Reason, Refusal};
pub use write::write;

/// Most bytes of one canonical document: 65,535, what a tile's 16-bit length can say.
pub const MAX_BYTES: usize = 65_535;

/// Most arrays and objects inside one another, the outermost counted: 64.
pub const MAX_DEPTH: usize = 64;

/// Greatest magnitude of an integer: 2^53 - 1, exact in every JSON reader.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
