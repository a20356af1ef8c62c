//! How much an agent may take of us: the numbers, in one place.

use std::time::Duration;

/// Bounds on one exchange with an agent. The call's own deadline bounds the whole of it, and how long an answer may
/// take to begin is for the call to say: the work itself happens in that time.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// The body, in bytes.
    pub body: usize,
    /// Arrays and objects inside each other, the envelope included.
    pub depth: usize,
    /// JSON values in one reply, because a small text can be a large tree.
    pub values: usize,
    /// Header fields, counted.
    pub headers: usize,
    /// Header names and values together, in bytes.
    pub header_bytes: usize,
    /// Characters that are kept of an agent's error message.
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(2),
            idle: Duration::from_secs(5),
            body: 1024 * 1024,
            depth: 64,
            values: 100_000,
            headers: 64,
            header_bytes: 16 * 1024,
            message: 500,
        }
    }
}
