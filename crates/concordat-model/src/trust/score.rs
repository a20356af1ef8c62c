//! The score: what is believed along every dimension, multiplied into two whole numbers.
//!
//! A geometric mean with weights, so that nothing makes up for a zero: speed cannot buy off wrong answers.

use super::lower_bound::lower_bound;
use super::{Belief, Counts, OUTCOME};
use crate::share::Share;

impl Belief {
    /// The expected share of good outcomes.
    #[must_use]
    pub fn mean(&self) -> Share {
        Share::of(self.product(mean))
    }

    /// The lower bound: with 95 % certainty the true share is at least this.
    ///
    /// Rounded down to whole basis points: what policy asks for is reached or it is not.
    #[must_use]
    pub fn lower_bound(&self) -> Share {
        Share::of(libm::floor(self.product(lower_bound) * 10_000.0) / 10_000.0)
    }

    fn product(&self, along: impl Fn(Counts) -> f64) -> f64 {
        self.weighed().map(|(counts, weight)| libm::pow(along(counts), weight)).product()
    }
}

impl Counts {
    /// With 95 % certainty the share of good outcomes is at least this; rounded down to basis points.
    #[must_use]
    pub fn lower_bound(self) -> Share {
        Share::of(libm::floor(lower_bound(self) * 10_000.0) / 10_000.0)
    }
}

fn mean(counts: Counts) -> f64 {
    let Counts { good, bad } = counts.capped();
    good as f64 / (good + bad).max(1) as f64
}

/// How much evidence that is, in whole outcomes.
pub(super) fn outcomes(counts: Counts) -> u32 {
    u32::try_from(counts.total().saturating_add(OUTCOME / 2) / OUTCOME).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Dimension, Formula};
    use super::*;

    fn all(good: u64, bad: u64) -> Belief {
        let counts = Counts { good, bad };
        Belief { delivery: counts, quality: counts, latency: counts, policy: counts, cost: counts }
    }

    #[test]
    fn the_weights_are_one_together() {
        for formula in [Formula::Beta1, Formula::Beta2] {
            let together: f64 = Dimension::ALL.iter().map(|dimension| dimension.weight(formula)).sum();
            assert!((together - 1.0).abs() < 1e-12, "{formula:?}");
        }
    }

    #[test]
    fn nothing_makes_up_for_a_zero() {
        let good = Counts { good: 1_000 * OUTCOME, bad: 2 * OUTCOME };
        let never = Counts { good: 0, bad: 100 * OUTCOME };
        let well = Belief { delivery: good, quality: good, latency: good, policy: good, cost: good };
        let old = Belief { policy: Counts::NONE, cost: Counts::NONE, ..well };
        for belief in [
            Belief { delivery: never, ..well },
            Belief { quality: never, ..well },
            Belief { latency: never, ..well },
            Belief { policy: never, ..well },
            Belief { cost: never, ..well },
            Belief { latency: never, ..old },
        ] {
            assert_eq!((belief.mean(), belief.lower_bound()), (Share::ZERO, Share::ZERO), "{belief:?}");
        }
    }

    #[test]
    fn a_bound_that_is_missed_by_a_hair_is_missed() {
        // The quantiles are 0.025321, 0.135350 and 0.529321: the nearest point of the second lies above it.
        for (good, bad, points) in [(1, 2, 253), (2, 2, 1353), (7, 2, 5293)] {
            assert_eq!(all(good * OUTCOME, bad * OUTCOME).lower_bound().points(), points, "{good}/{bad}");
        }
    }

    fn counts() -> impl Strategy<Value = Counts> {
        let count = prop_oneof![any::<u64>(), 0..=20_000 * OUTCOME, 0..=5 * OUTCOME];
        (count.clone(), count).prop_map(|(good, bad)| Counts { good, bad })
    }

    proptest! {
        #[test]
        fn any_counts_have_a_score(delivery in counts(), quality in counts(), latency in counts()) {
            let belief = Belief { delivery, quality, latency, policy: quality, cost: Counts::NONE };
            prop_assert!(belief.mean() <= Share::ONE && belief.lower_bound() <= Share::ONE);
        }

        #[test]
        fn success_never_lowers_and_failure_never_raises(good in 0..5_000u64, bad in 0..5_000u64) {
            let bound = |good, bad| all((1 + good) * OUTCOME, (2 + bad) * OUTCOME).lower_bound();
            prop_assert!(bound(good + 1, bad) >= bound(good, bad));
            prop_assert!(bound(good, bad + 1) <= bound(good, bad));
        }
    }
}
