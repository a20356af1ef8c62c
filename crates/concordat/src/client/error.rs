//! Why a request brought nothing.

use concordat_server::api::problem::Problem;

/// Why a request brought nothing, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address is none.
    #[error("`{address}` is not the address of a server: write it like `http://127.0.0.1:7420`")]
    Address {
        /// What was given.
        address: String,
    },
    /// The key cannot stand in a header.
    #[error("the key has characters that no key has: check CONCORDAT_KEY or the key file")]
    Key,
    /// Nothing left this machine, or nobody listens.
    #[error("no server answers at {server} ({why}): start one with `concordat serve` or pass `--server URL`")]
    Unreachable {
        /// The server.
        server: String,
        /// What the network said.
        why: String,
    },
    /// The request left, and no whole answer came.
    #[error("the connection to {server} broke before the answer was whole ({why})")]
    Broken {
        /// The server.
        server: String,
        /// What the network said.
        why: String,
    },
    /// The server said no.
    #[error("{}", .0.problem.detail)]
    Refused(Box<Refused>),
    /// The answer is not one of Concordat's.
    #[error("{server} does not answer as a Concordat server of this version does: {why}")]
    Odd {
        /// The server.
        server: String,
        /// What is odd.
        why: String,
    },
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the server said.
    pub problem: Problem,
    /// When to come back, in seconds, if the server said so.
    pub retry_after: Option<u64>,
}

impl ClientError {
    /// The HTTP status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            ClientError::Refused(refused) => Some(refused.problem.status),
            _ => None,
        }
    }
}
