//! Evidence: how often something went well and how often not, in whole numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Good and bad outcomes along one dimension, in millionths of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Good outcomes.
    pub good: u64,
    /// Bad outcomes.
    pub bad: u64,
}

/// One outcome in the unit of [`Counts`].
pub const OUTCOME: u64 = 1_000_000;

/// The most outcomes that count along one dimension.
///
/// Beyond them the oldest give way: an agent that is busy enough to gather more would otherwise be trusted for
/// as many failures. It also keeps every number exact in JSON and every score cheap.
const MOST: u64 = 10_000 * OUTCOME;

impl Counts {
    /// Neither good nor bad.
    pub const NONE: Counts = Counts { good: 0, bad: 0 };

    /// Whether there is nothing to count.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Counts::NONE
    }

    /// Both together; what would not fit is left out.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts { good: self.good.saturating_add(other.good), bad: self.bad.saturating_add(other.bad) }
    }

    /// Good and bad outcomes together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    /// The bad, as far as bad is what there was: half of it where half went well, all of it where nothing did.
    pub(super) fn record(self) -> Counts {
        let bad = Counts { good: 0, bad: self.bad }.scaled(self.bad.into(), u128::from(self.total().max(1)));
        Counts { good: 0, bad: bad.bad }
    }

    /// At most [`MOST`] outcomes, good and bad in the same proportion.
    pub(super) fn capped(self) -> Counts {
        let total = u128::from(self.good) + u128::from(self.bad);
        if total <= u128::from(MOST) { self } else { self.scaled(u128::from(MOST), total) }
    }

    /// This many parts of so many, at most the whole, rounded to the nearest millionth.
    pub(super) fn scaled(self, parts: u128, of: u128) -> Counts {
        // Callers name at most 2^34 parts, so nothing saturates.
        let scale = |count: u64| {
            let exact = u128::from(count).saturating_mul(parts).saturating_add(of / 2) / of;
            u64::try_from(exact).unwrap_or(count)
        };
        Counts { good: scale(self.good), bad: scale(self.bad) }
    }
}

/// What was seen, without any prior, along every dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Whether it answered at all.
    pub delivery: Counts,
    /// Whether what it answered was right.
    pub quality: Counts,
    /// Whether it answered in time.
    pub latency: Counts,
    /// Whether it kept to what it was permitted; nothing by the first formula.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub policy: Counts,
    /// Whether it was worth its price; nothing by the first formula.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub cost: Counts,
}

impl Evidence {
    /// No evidence.
    pub const NONE: Evidence = Evidence {
        delivery: Counts::NONE,
        quality: Counts::NONE,
        latency: Counts::NONE,
        policy: Counts::NONE,
        cost: Counts::NONE,
    };

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Evidence) -> Evidence {
        Evidence {
            delivery: self.delivery.plus(other.delivery),
            quality: self.quality.plus(other.quality),
            latency: self.latency.plus(other.latency),
            policy: self.policy.plus(other.policy),
            cost: self.cost.plus(other.cost),
        }
    }

    /// The same evidence with the worse of both records: whichever has more bad along a dimension.
    pub(super) fn worst_of(self, other: Evidence) -> Evidence {
        let worse = |mine: Counts, other: Counts| Counts { good: mine.good, bad: mine.bad.max(other.bad) };
        Evidence {
            delivery: worse(self.delivery, other.delivery),
            quality: worse(self.quality, other.quality),
            latency: worse(self.latency, other.latency),
            policy: worse(self.policy, other.policy),
            cost: worse(self.cost, other.cost),
        }
    }

    /// The same change along every dimension.
    pub(super) fn each(self, change: impl Fn(Counts) -> Counts) -> Evidence {
        Evidence {
            delivery: change(self.delivery),
            quality: change(self.quality),
            latency: change(self.latency),
            policy: change(self.policy),
            cost: change(self.cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_keeps_the_proportion() {
        for (good, bad, wanted_good, wanted_bad) in [
            (MOST, 0, MOST, 0),
            (MOST, MOST, MOST / 2, MOST / 2),
            (3 * MOST, MOST, MOST / 4 * 3, MOST / 4),
            (u64::MAX, u64::MAX, MOST / 2, MOST / 2),
            (u64::MAX, 0, MOST, 0),
            (u64::MAX, 1, MOST, 0),
            (7, 8, 7, 8),
        ] {
            let capped = Counts { good, bad }.capped();
            assert_eq!(capped, Counts { good: wanted_good, bad: wanted_bad }, "{good} good, {bad} bad");
        }
    }

    #[test]
    fn sums_do_not_run_over() {
        let most = Counts { good: u64::MAX, bad: u64::MAX };
        assert_eq!((most.plus(most), most.total()), (most, u64::MAX));
    }
}
