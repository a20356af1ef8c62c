//! Trust: what Concordat has seen an agent do, and how sure that makes it.
//!
//! Nobody sets trust. What was [`Seen`] of an attempt is weighed as [`Evidence`] along five dimensions, added
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
//! What people say is evidence as well, with their name and a reason on it; nothing sets a score. Good work counts at
//! a risk for as much as was at stake when it was done (`stake`), and an owner's bad record goes along with whoever is
//! registered next (`book`). What agents without proof get of a domain's work is counted too (`trials`).
//!
//! Not here: choosing between agents, and what score suffices for what. Both are for `concordat-policy`.

mod book;
mod changed;
mod drift;
mod evidence;
mod fading;
mod lower_bound;
mod prior;
mod score;
mod seen;
mod stake;
mod state;
mod trials;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::AgentId;
use crate::name::{DomainName, SkillName};
use crate::share::Share;

pub use book::{Fault, Irreproducible, TrustBook};
pub use changed::{AttemptCause, Cause, Formula, PersonCause, ProbeCause, RatingCause, TrustChanged};
pub use drift::Drift;
pub use evidence::{Counts, Evidence, OUTCOME};
pub use seen::{Fit, Rating, Seen};
pub use stake::Stakes;
pub use state::TrustState;
pub use trials::Trials;

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
    /// Whether it has yet to prove itself: the lower bound is below 4000.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
}

impl TrustView {
    /// The least lower bound of an agent that has proved itself: four or five good outcomes, and no bad one.
    pub const PROVEN: Share = Share::points_of(4_000);
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
    /// Whether it keeps to what it was permitted.
    Policy,
    /// Whether it is worth its price.
    Cost,
}

impl Dimension {
    /// Every dimension, in the order in which scores multiply them.
    pub const ALL: [Dimension; 5] =
        [Dimension::Delivery, Dimension::Quality, Dimension::Latency, Dimension::Policy, Dimension::Cost];

    /// How much the dimension weighs in a score; all weights of a formula together are one.
    #[must_use]
    pub fn weight(self, formula: Formula) -> f64 {
        match (formula, self) {
            (Formula::Beta1, Dimension::Delivery | Dimension::Quality) => 0.45,
            (Formula::Beta1, Dimension::Latency) => 0.10,
            (Formula::Beta1, Dimension::Policy | Dimension::Cost) => 0.0,
            (Formula::Beta2, Dimension::Delivery | Dimension::Quality) => 0.35,
            (Formula::Beta2, Dimension::Latency) => 0.07,
            (Formula::Beta2, Dimension::Policy) => 0.20,
            (Formula::Beta2, Dimension::Cost) => 0.03,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Dimension::Delivery => "delivery",
            Dimension::Quality => "quality",
            Dimension::Latency => "latency",
            Dimension::Policy => "policy",
            Dimension::Cost => "cost",
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
    /// Whether it keeps to what it was permitted; nothing in what was believed by the first formula.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub policy: Counts,
    /// Whether it is worth its price; nothing in what was believed by the first formula.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub cost: Counts,
}

impl Belief {
    /// What is believed along each dimension, with how much that weighs.
    ///
    /// A stored belief of the first formula is weighed by that one, so that old choices are made again as they were.
    pub fn weighed(&self) -> impl Iterator<Item = (Counts, f64)> + use<> {
        let belief = *self;
        let old = belief.policy.is_none() && belief.cost.is_none();
        let (formula, most) = if old { (Formula::Beta1, 3) } else { (Formula::Beta2, 5) };
        let weigh = move |dimension: &Dimension| (belief.along(*dimension), dimension.weight(formula));
        Dimension::ALL.iter().take(most).map(weigh)
    }

    /// What is believed along one dimension.
    #[must_use]
    pub fn along(&self, dimension: Dimension) -> Counts {
        match dimension {
            Dimension::Delivery => self.delivery,
            Dimension::Quality => self.quality,
            Dimension::Latency => self.latency,
            Dimension::Policy => self.policy,
            Dimension::Cost => self.cost,
        }
    }

    /// What is believed once this was seen too.
    #[must_use]
    pub fn with(self, seen: &Evidence) -> Belief {
        Belief {
            delivery: self.delivery.plus(seen.delivery),
            quality: self.quality.plus(seen.quality),
            latency: self.latency.plus(seen.latency),
            policy: self.policy.plus(seen.policy),
            cost: self.cost.plus(seen.cost),
        }
    }

    fn each(&self, change: impl Fn(Counts) -> Counts) -> Belief {
        Belief {
            delivery: change(self.delivery),
            quality: change(self.quality),
            latency: change(self.latency),
            policy: change(self.policy),
            cost: change(self.cost),
        }
    }
}
