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
        Belief { delivery: counts, quality: counts, latency: counts, policy: counts, cost: counts }
    };

    /// What is believed before anything was seen here, given what was seen elsewhere.
    #[must_use]
    pub fn prior_after(elsewhere: &Evidence) -> Belief {
        Belief {
            delivery: prior(elsewhere.delivery),
            quality: prior(elsewhere.quality),
            latency: prior(elsewhere.latency),
            policy: prior(elsewhere.policy),
            cost: prior(elsewhere.cost),
        }
    }
}

impl Belief {
    /// What selection presumes where policy presumes this: that nobody breaks rules or overcharges who was not seen to.
    ///
    /// A gate must be pessimistic about both. Inside the set that it permits, pessimism would only keep those who
    /// are new from ever being tried.
    #[must_use]
    pub fn presuming_innocence(self, elsewhere: &Evidence) -> Belief {
        Belief { policy: innocent(elsewhere.policy), cost: innocent(elsewhere.cost), ..self }
    }

    /// The same belief with less of everything behind it: an eighth of the counts, and one bad outcome fewer.
    ///
    /// What selection draws from while a field changes: what was known of it holds no longer, so that whoever is
    /// little known gets a chance. Policy is told nothing of this: no bound rises by it.
    #[must_use]
    pub fn widened(&self) -> Belief {
        self.each(|counts| {
            let eighth = counts.scaled(1, 8);
            let total = eighth.total().max(WEIGHT);
            let whole = counts.total().max(1);
            let good = u128::from(total) * u128::from(counts.good) / u128::from(whole);
            let good = u64::try_from(good).unwrap_or(total);
            Counts { good, bad: (total - good).saturating_sub(OUTCOME) }
        })
    }
}

/// Beta(3m, 3(1 - m)) with m = (A + 3) / (A + B + 3): one that was never seen to fail is expected not to.
fn innocent(elsewhere: Counts) -> Counts {
    let weight = u128::from(WEIGHT);
    let all = u128::from(elsewhere.good) + u128::from(elsewhere.bad) + weight;
    let good = weight * (u128::from(elsewhere.good) + weight) / all;
    let good = u64::try_from(good).unwrap_or(WEIGHT).min(WEIGHT);
    Counts { good, bad: WEIGHT - good }
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
