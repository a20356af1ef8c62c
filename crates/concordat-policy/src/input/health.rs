//! What happened at an agent lately, in the same numbers for policy, for whoever chooses, and in the API.

use concordat_model::name::RegionName;
use concordat_model::share::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BreakerState;

/// What happened at an agent within the last five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The calls that came back, or did not.
    pub calls: u32,
    /// The share of them that brought no result, in basis points.
    pub error_rate: Share,
    /// What those came to.
    #[serde(default, skip_serializing_if = "Errors::is_none")]
    pub errors: Errors,
    /// Half of the results came within so many milliseconds; each of these is up to a quarter too high.
    pub p50_ms: u64,
    /// 95 of 100 results came within so many milliseconds.
    pub p95_ms: u64,
    /// 99 of 100 results came within so many milliseconds.
    pub p99_ms: u64,
}

/// Calls that brought no result, by what was in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// The agent fell silent, or its connection broke: what became of the work is not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u32,
    /// It could not be reached, or said that it is not there for now.
    #[serde(skip_serializing_if = "is_zero")]
    pub unavailable: u32,
    /// It had enough to do.
    #[serde(skip_serializing_if = "is_zero")]
    pub busy: u32,
    /// It does not know the skill, or did not take what it was given.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u32,
    /// It answered what breaks the protocol.
    #[serde(skip_serializing_if = "is_zero")]
    pub malformed: u32,
    /// It said that it failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Errors {
    /// Each kind with its name and its count.
    #[must_use]
    pub fn by_kind(&self) -> [(&'static str, u32); 6] {
        [
            ("timeout", self.timeout),
            ("unavailable", self.unavailable),
            ("busy", self.busy),
            ("refused", self.refused),
            ("malformed", self.malformed),
            ("failed", self.failed),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.by_kind().iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.sum() == 0
    }
}

/// One of several instances of an agent, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceLoad {
    /// Its base URL.
    pub url: String,
    /// The region that it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// The number of calls it is busy with.
    pub in_flight: u32,
    /// Its own circuit breaker, whatever it is asked for.
    pub breaker: BreakerState,
    /// What one more call there is expected to take if it is idle, in milliseconds: what calls took, more where they
    /// failed lately; 0 where nothing is known.
    pub expected_ms: u64,
}
