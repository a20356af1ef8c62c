//! A rate limit: so many calls in a length of time, counted by the moment at which the next one would be due.
//!
//! This is the generic cell rate algorithm, which behaves like a bucket of tokens and keeps one moment instead of a
//! level. The `governor` crate does the same, but reads a clock of its own; here time is an argument.

use std::time::Duration;

use concordat_model::agent::Rate;
use jiff::{SignedDuration, Timestamp};

/// What was used of one rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meter {
    /// When everything that was taken is earned again.
    earned: Timestamp,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter { earned: Timestamp::MIN }
    }
}

impl Meter {
    /// How many calls may be made at this moment.
    pub(crate) fn left(&self, rate: &Rate, now: Timestamp) -> u32 {
        let free = window(rate).saturating_sub(self.debt(rate, now));
        u32::try_from(free.as_nanos() / interval(rate).as_nanos().max(1)).unwrap_or(u32::MAX)
    }

    /// When the next call may be made; now, or before, when one may be made already.
    pub(crate) fn next(&self, rate: &Rate, now: Timestamp) -> Timestamp {
        let over = (self.debt(rate, now) + interval(rate)).saturating_sub(window(rate));
        now.checked_add(over).unwrap_or(Timestamp::MAX)
    }

    /// Takes one call, if there is one.
    pub(crate) fn take(&mut self, rate: &Rate, now: Timestamp) -> bool {
        if self.left(rate, now) == 0 {
            return false;
        }
        let debt = self.debt(rate, now) + interval(rate);
        self.earned = now.checked_add(debt).unwrap_or(Timestamp::MAX);
        true
    }

    /// Whether everything is earned again.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.earned <= now
    }

    /// Gives a call back that was not made.
    pub(crate) fn give_back(&mut self, rate: &Rate) {
        let interval = SignedDuration::try_from(interval(rate)).unwrap_or(SignedDuration::MAX);
        self.earned = self.earned.checked_sub(interval).unwrap_or(Timestamp::MIN);
    }

    /// How long it takes until everything is earned again; at most the window, even when the clock was set back.
    fn debt(&self, rate: &Rate, now: Timestamp) -> Duration {
        let left = self.earned.duration_since(now);
        if left.is_positive() { left.unsigned_abs().min(window(rate)) } else { Duration::ZERO }
    }
}

/// The length of time, or a few nanoseconds more, so that it holds the calls exactly.
fn window(rate: &Rate) -> Duration {
    interval(rate).saturating_mul(rate.calls)
}

/// The time in which one call is earned, rounded up: the limit is never exceeded.
fn interval(rate: &Rate) -> Duration {
    let nanos = rate.per.duration().as_nanos().div_ceil(u128::from(rate.calls.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use concordat_model::span::Span;
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_burst_empties_it_and_time_fills_it() {
        let rate = Rate { calls: 4, per: Span::seconds(1) };
        let mut meter = Meter::default();
        assert_eq!(meter.left(&rate, at(0)), 4);
        assert_eq!((0..6).filter(|_| meter.take(&rate, at(0))).count(), 4);
        assert_eq!((meter.left(&rate, at(0)), meter.next(&rate, at(0))), (0, at(250)));
        assert!(!meter.take(&rate, at(249)) && meter.take(&rate, at(250)));
        meter.give_back(&rate);
        assert_eq!(meter.left(&rate, at(250)), 1);
        assert_eq!(meter.left(&rate, at(60_000)), 4);
        // A clock that was set back costs at most one window.
        assert_eq!(meter.left(&rate, at(-3_600_000)), 0);
        assert_eq!(meter.next(&rate, at(-3_600_000)), at(-3_600_000 + 250));
    }

    proptest! {
        /// In no window are there more calls than the rate twice, and after a quiet one never fewer than it allows.
        #[test]
        fn the_rate_holds(calls in 1..50u32, gaps in proptest::collection::vec(0..200i64, 1..200)) {
            let rate = Rate { calls, per: Span::seconds(1) };
            let (mut meter, mut now, mut taken) = (Meter::default(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                let left = meter.left(&rate, at(now));
                prop_assert_eq!(meter.take(&rate, at(now)), left > 0);
                if left > 0 {
                    taken.push(now);
                }
                let first = taken.first().copied().unwrap_or(now);
                let allowed = i64::from(calls) + (now - first) * i64::from(calls) / 1000;
                prop_assert!(i64::try_from(taken.len()).unwrap() <= allowed + 1);
            }
            prop_assert_eq!(meter.left(&rate, at(now + 1001)), calls);
        }
    }
}
