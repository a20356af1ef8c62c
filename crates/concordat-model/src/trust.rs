//! Trust: what Concordat has seen an agent do, and how sure that makes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::share::Share;

/// Trust as policy sees it: whole numbers, the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustView {
    /// The expected share of good outcomes.
    pub mean: Share,
    /// The lower bound: with 95 % certainty the true share is at least this.
    pub lower_bound: Share,
    /// How much decayed evidence stands behind it, in outcomes.
    pub evidence: u32,
}

/// Decayed counts of good and bad outcomes along one dimension, prior included, in millionths of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Good outcomes.
    pub good: u64,
    /// Bad outcomes.
    pub bad: u64,
}

/// What is believed about one agent in one domain and skill, as selection draws from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Belief {
    /// Whether it answers at all.
    pub delivery: Counts,
    /// Whether what it answers is right.
    pub quality: Counts,
    /// Whether it answers in time.
    pub latency: Counts,
}
