//! What is believed before anything was seen.
//!
//! An unknown agent is expected to succeed once in three times: Beta(1, 2). What the agent did elsewhere moves
//! that expectation, but never far up: whoever is excellent in finance is still unknown in healthcare. Whoever
//! failed elsewhere is expected to fail here.

use super::{Belief, Counts, Evidence, OUTCOME};

/// What a prior weighs, in millionths of an outcome.
const WEIGHT: u64 = 3 * OUTCOME;

/// The most that a prior may count as good: Beta(1.2, 1.8), the largest with a lower bound below 5 %.
const MOST_GOOD: u64 = 1_200_000;

impl Belief {
    /// What is believed of an agent that nothing is known about.
    pub const PRIOR: Belief = {
        let counts = Counts { good: OUTCOME, bad: 2 * OUTCOME };
        Belief { delivery: counts, quality: counts, latency: counts }
    };

    /// What is believed before anything was seen here, given what was seen elsewhere.
    #[must_use]
    pub fn prior_after(elsewhere: &Evidence) -> Belief {
        Belief {
            delivery: prior(elsewhere.delivery),
            quality: prior(elsewhere.quality),
            latency: prior(elsewhere.latency),
        }
    }
}

/// Beta(3m, 3(1 - m)) with m = (A + 1) / (A + B + 3), where A and B were good and bad elsewhere.
fn prior(elsewhere: Counts) -> Counts {
    let good = u128::from(elsewhere.good) + u128::from(OUTCOME);
    let all = u128::from(elsewhere.good) + u128::from(elsewhere.bad) + u128::from(WEIGHT);
    let good = u64::try_from(u128::from(WEIGHT) * good / all).unwrap_or(MOST_GOOD).min(MOST_GOOD);
    Counts { good, bad: WEIGHT - good }
}

#[cfg(test)]
mod tests {
    use super::super::lower_bound::lower_bound;
    use super::*;

    #[test]
    fn elsewhere_lowers_a_prior_further_than_it_lifts_it() {
        for (good, bad, wanted) in [
            (0, 0, 1_000_000),
            (1, 1, 1_200_000),
            (1, 2, 1_000_000),
            (950, 50, 1_200_000),
            (1, 9, 461_538),
            (0, 100, 29_126),
        ] {
            let prior = prior(Counts { good: good * OUTCOME, bad: bad * OUTCOME });
            assert_eq!((prior.good, prior.total()), (wanted, WEIGHT), "{good} good, {bad} bad elsewhere");
        }
    }

    #[test]
    fn no_prior_reaches_five_percent() {
        for count in [0, 1, OUTCOME, 1_000_000 * OUTCOME, u64::MAX] {
            for (good, bad) in [(count, 0), (0, count), (count, count)] {
                let prior = prior(Counts { good, bad });
                assert!(lower_bound(prior) < 0.05, "{good} good, {bad} bad elsewhere");
                assert_eq!(prior.total(), WEIGHT);
            }
        }
    }

    #[test]
    fn without_anything_elsewhere_the_prior_is_the_plain_one() {
        assert_eq!(Belief::prior_after(&Evidence::default()), Belief::PRIOR);
    }
}
