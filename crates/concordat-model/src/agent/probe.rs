//! Whether an agent can do what it claims: a skill is tried with its example, and what comes back is looked at.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What came of trying a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeResult {
    /// It answered what it says that it answers.
    Verified,
    /// It does not know the skill, or its answer is not what it says that it answers.
    False,
    /// It could not be tried: it was not there, took too long, failed, or was busy. That shows nothing about the claim.
    Unclear,
}

impl ProbeResult {
    /// Its name in the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProbeResult::Verified => "verified",
            ProbeResult::False => "false",
            ProbeResult::Unclear => "unclear",
        }
    }
}

/// The last time that a skill was tried and something came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The revision that was tried: the next one has to show it again.
    pub revision: Digest,
    /// What the last try came to that showed anything.
    pub shown: Option<bool>,
    /// When that was last evidence for or against the agent.
    pub counted: Option<Timestamp>,
    /// What the last try came to.
    pub result: ProbeResult,
    /// What was wrong, if anything was.
    pub problems: Vec<String>,
    /// When it was tried last.
    pub at: Timestamp,
}
