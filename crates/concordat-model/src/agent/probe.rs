//! Whether an agent can do what it claims: a skill is tried with its example, and what comes back is looked at.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::DecisionId;

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
    /// It was given the example, and nobody knows what became of that. It is not tried again by itself: a person does.
    Unknown,
}

impl ProbeResult {
    /// Its name in the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProbeResult::Verified => "verified",
            ProbeResult::False => "false",
            ProbeResult::Unclear => "unclear",
            ProbeResult::Unknown => "unknown",
        }
    }

    /// Whether the claim holds, where the try shows anything about it.
    #[must_use]
    pub fn shown(self) -> Option<bool> {
        match self {
            ProbeResult::Verified => Some(true),
            ProbeResult::False => Some(false),
            ProbeResult::Unclear | ProbeResult::Unknown => None,
        }
    }
}

/// What came of one example at one instance, where there were several of either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriedExample {
    /// Which of the skill's examples it was, from 1; where that is not said, they stand in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// The instance that it was sent to, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What it shows, as it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The digest of what the agent was given.
    pub params: Digest,
    /// What came of it.
    pub result: ProbeResult,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The enroll decision by which it was sent.
    pub enroll: DecisionId,
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
    /// What came of each example at each instance, where there were several of either; what says most, where they
    /// were many.
    pub examples: Vec<TriedExample>,
    /// When it was tried last.
    pub at: Timestamp,
}

impl Probed {
    /// A try of which nothing is known but that it began.
    pub(crate) fn unknown(revision: Digest, instance: Option<&str>, at: Timestamp) -> Probed {
        let to = instance.map(|url| format!(" to {url}")).unwrap_or_default();
        let problem = format!("the example was sent{to}, and nothing is known of what came of it");
        let (result, problems) = (ProbeResult::Unknown, vec![problem]);
        Probed { revision, shown: None, counted: None, result, problems, examples: Vec::new(), at }
    }
}
