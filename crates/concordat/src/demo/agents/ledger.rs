//! The agent's own record of what it was asked: the witness that crash tests question.

use serde::Serialize;

/// One request, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The number of the request, from 0, without gaps.
    pub n: u64,
    /// The agent.
    pub agent: &'static str,
    /// The skill that was called; what stood there, when there is no such skill.
    pub skill: String,
    /// `Concordat-Run`, empty when it was not sent; the same for the next five.
    pub run: String,
    /// `Concordat-Step`.
    pub step: String,
    /// `Concordat-Attempt`.
    pub attempt: String,
    /// `Idempotency-Key`.
    pub idempotency_key: String,
    /// `Concordat-Decision`.
    pub decision_id: String,
    /// `Concordat-Log-Size`.
    pub log_size: String,
    /// The digest of the request's body as it came.
    pub body_sha256: String,
    /// Whether this request, and not an earlier one with the same key, changed anything.
    pub applied: bool,
    /// The digest of the canonical form of the result, whether or not it was sent; absent without a result.
    pub output_sha256: Option<String>,
}
