//! Trust: what Concordat has seen an agent do, and how sure that makes it.
//!
//! Nobody sets trust. What was [`Seen`] of an attempt is weighed as [`Evidence`] along three dimensions, added
//! to what was seen before, and fades with a half-life of thirty days. What is believed is that evidence on top
//! of a pessimistic prior; what policy is told is a lower bound: the share of good outcomes that the agent has
//! with 95 % certainty, so that an unknown agent and a bad one look alike.
//!
//! ```text
//! Seen ─► Evidence ─► TrustState ─► Belief ─► TrustView ─► policy
//!                     (fades)       (+ prior)  (lower bound)
//! ```
//!
//! State is whole numbers and time moves in whole hours, so that a log replays to the same bytes anywhere.
//! Floating point stands in two places, each of which rounds before it answers: how much an hour leaves
//! (`fading`), and the score (`score`, with `lower_bound` beneath).
//!
//! Not here: choosing between agents, and what score suffices for what. Both are for `concordat-policy`.

mod book;
mod changed;
mod evidence;
mod fading;
mod lower_bound;
mod prior;
mod score;
mod seen;
mod state;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::AgentId;
use crate::name::{DomainName, SkillName};
use crate::share::Share;

pub use book::{Fault, Irreproducible, TrustBook};
pub use changed::{Cause, Formula, TrustChanged};
pub use evidence::{Counts, Evidence, OUTCOME};
pub use seen::{Fit, Seen};
pub use state::TrustState;

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

/// What trust is in: one revision of an agent, at one skill, in one domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustKey {
    /// The agent.
    pub agent: AgentId,
    /// The digest of what was registered: another revision has trust of its own to earn.
    pub revision: Digest,
    /// The domain that the work was classified into.
    pub domain: DomainName,
    /// The skill that was asked for.
    pub skill: SkillName,
}

impl TrustKey {
    /// Whether both ask for the same skill in the same domain, whoever does it.
    fn same_field(&self, other: &TrustKey) -> bool {
        self.domain == other.domain && self.skill == other.skill
    }
}

impl std::fmt::Display for TrustKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{} {}", self.agent, self.domain, self.skill, self.revision)
    }
}

/// One side of doing well. A score multiplies all of them, so that no side can buy off another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Whether it answers at all.
    Delivery,
    /// Whether what it answers is right.
    Quality,
    /// Whether it answers in time.
    Latency,
}

impl Dimension {
    /// Every dimension, in the order in which scores multiply them.
    pub const ALL: [Dimension; 3] = [Dimension::Delivery, Dimension::Quality, Dimension::Latency];

    /// How much the dimension weighs in a score; all weights together are one.
    fn weight(self) -> f64 {
        match self {
            Dimension::Delivery | Dimension::Quality => 0.45,
            Dimension::Latency => 0.10,
        }
    }
}

/// What is believed about one agent in one domain and skill, prior included, as selection draws from it.
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

impl Belief {
    /// What is believed along one dimension.
    #[must_use]
    pub fn along(&self, dimension: Dimension) -> Counts {
        match dimension {
            Dimension::Delivery => self.delivery,
            Dimension::Quality => self.quality,
            Dimension::Latency => self.latency,
        }
    }

    /// What is believed once this was seen too.
    #[must_use]
    pub fn with(self, seen: &Evidence) -> Belief {
        Belief {
            delivery: self.delivery.plus(seen.delivery),
            quality: self.quality.plus(seen.quality),
            latency: self.latency.plus(seen.latency),
        }
    }
}
