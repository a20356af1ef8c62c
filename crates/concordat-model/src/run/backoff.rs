//! How long a failed step waits before it is tried again.
//!
//! The window doubles with each failure, and the wait lies anywhere in it ("full jitter"): steps that failed
//! together do not come back together. Chance is drawn from the attempt's own name, so that whoever asks again gets
//! the same wait, today and in a replay.

use crate::digest::Digest;
use crate::id::RunId;
use crate::span::Span;
use crate::work::Attempt;

/// The longest window, in milliseconds.
const LONGEST: u64 = 300_000;

/// The wait before `next` is tried, in milliseconds: from nothing to `base`, doubled with each failure after the
/// first, and at most five minutes. Where the agent asked to be left alone, it counts from the end of that.
#[must_use]
pub fn wait(run: RunId, next: &Attempt, base: Span, failures: u32, asked: Option<u64>) -> u64 {
    let doubled = 1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    let window = base.millis().saturating_mul(doubled).min(LONGEST);
    asked.unwrap_or(0).saturating_add(share(window, chance(run, next)))
}

/// A number for an attempt, as if drawn: each is as likely as any other.
fn chance(run: RunId, attempt: &Attempt) -> u64 {
    let name = format!("backoff/{run}/{}/{}/{}", attempt.step, attempt.leg.as_str(), attempt.number);
    let digest = Digest::of(name.as_bytes());
    digest.bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The share of a window, both ends included.
fn share(window: u64, chance: u64) -> u64 {
    let scaled = (u128::from(chance) * (u128::from(window) + 1)) >> 64;
    u64::try_from(scaled).unwrap_or(window)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::work::Leg;

    fn run(number: u128) -> RunId {
        RunId::new(uuid::Uuid::from_u128(number))
    }

    fn attempt(number: u32) -> Attempt {
        Attempt { step: "pay".parse().unwrap(), leg: Leg::Do, number }
    }

    #[test]
    fn the_ends_of_a_window_are_in_it() {
        for (window, chance, share) in [
            (1000, 0, 0),
            (1000, u64::MAX, 1000),
            (1000, u64::MAX / 2, 500),
            (0, u64::MAX, 0),
            (u64::MAX, u64::MAX, u64::MAX),
        ] {
            assert_eq!(super::share(window, chance), share);
        }
    }

    #[test]
    fn waits_spread_over_the_window() {
        let waits: Vec<u64> =
            (0..1000).map(|one| wait(run(one), &attempt(2), Span::seconds(1), 1, None)).collect();
        let mean = waits.iter().sum::<u64>() / 1000;
        assert!((450..550).contains(&mean), "{mean}");
        assert!(waits.iter().any(|wait| *wait < 50) && waits.iter().any(|wait| *wait > 950));
        // Golden: a wait that was recorded stays what it was.
        assert_eq!(wait(run(1), &attempt(2), Span::seconds(1), 1, None), GOLDEN);
    }

    const GOLDEN: u64 = 968;

    proptest! {
        #[test]
        fn it_is_bounded_and_repeats(
            one: u128, number in 1..30u32, base in 1..100_000u64, failures in 0..200u32, asked in proptest::option::of(0..3_600_000u64)
        ) {
            let base = Span::millis_within(base);
            let window = base.millis().saturating_mul(1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX)).min(LONGEST);
            let waited = wait(run(one), &attempt(number), base, failures, asked);
            prop_assert!((asked.unwrap_or(0)..=asked.unwrap_or(0) + window).contains(&waited));
            prop_assert_eq!(waited, wait(run(one), &attempt(number), base, failures, asked));
        }
    }
}
