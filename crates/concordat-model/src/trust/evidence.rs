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
}

impl Evidence {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Evidence) -> Evidence {
        Evidence {
            delivery: self.delivery.plus(other.delivery),
            quality: self.quality.plus(other.quality),
            latency: self.latency.plus(other.latency),
        }
    }

    /// The same change along every dimension.
    pub(super) fn each(self, change: impl Fn(Counts) -> Counts) -> Evidence {
        Evidence {
            delivery: change(self.delivery),
            quality: change(self.quality),
            latency: change(self.latency),
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
