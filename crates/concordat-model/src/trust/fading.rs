//! How evidence fades: half of it every thirty days, in whole hours; on keeping to policy it takes sixty.
//!
//! Whole hours, because a busy agent is seen many times a second: fading a count by the millisecond would round
//! to nothing every time, and its evidence would never fade at all. It also makes all views of one hour equal.

use jiff::Timestamp;

use super::{Counts, Evidence};

/// The time in which half of all evidence fades: 30 days, in hours.
const HALF_LIFE: u32 = 30 * 24;

const HOUR: i64 = 3600;

/// What the whole is in the fixed-point shares of [`kept`].
const WHOLE: u64 = 1 << 32;

/// The beginning of the hour, not before 1970.
pub(super) fn hour(at: Timestamp) -> Timestamp {
    let second = at.as_second().max(0);
    Timestamp::from_second(second - second % HOUR).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Evidence {
    /// What is left of the evidence after the whole hours between two moments; time that runs backwards fades nothing.
    pub(super) fn faded(self, since: Timestamp, until: Timestamp) -> Evidence {
        let hours = hour(until).as_second().saturating_sub(hour(since).as_second()) / HOUR;
        match u32::try_from(hours) {
            Ok(hours) if hours > 0 => {
                let (kept, long) = (kept(hours, HALF_LIFE), kept(hours, 2 * HALF_LIFE));
                let fade = |kept: u64, counts: Counts| counts.scaled(kept.into(), WHOLE.into());
                Evidence { policy: fade(long, self.policy), ..self.each(|counts| fade(kept, counts)) }
            }
            _ => self,
        }
    }
}

/// The share of evidence that is left after so many hours, in 2^32nds.
fn kept(hours: u32, half_life: u32) -> u64 {
    let share = libm::exp2(-f64::from(hours) / f64::from(half_life));
    // The share lies between 0 and 1, and a float cast saturates.
    libm::round(share * WHOLE as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, OUTCOME};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn left_of_a_million(since: &str, until: &str) -> u64 {
        let seen = Evidence { delivery: Counts { good: OUTCOME, bad: 0 }, ..Evidence::default() };
        seen.faded(at(since), at(until)).delivery.good
    }

    #[test]
    fn half_is_left_after_thirty_days() {
        for (since, until, left) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:59:59.999Z", 1_000_000),
            ("2026-01-01T00:59:59Z", "2026-01-01T01:00:00Z", 999_038),
            ("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", 500_000),
            ("2026-01-01T00:00:00Z", "2026-03-02T00:00:00Z", 250_000),
            ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 218),
            ("2026-01-01T00:00:00Z", "9999-12-30T00:00:00Z", 0),
            ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 1_000_000),
            ("-009999-01-03T00:00:00Z", "1970-01-01T00:00:00Z", 1_000_000),
        ] {
            assert_eq!(left_of_a_million(since, until), left, "{since} to {until}");
        }
    }

    #[test]
    fn the_hour_is_taken_at_every_date() {
        for (moment, beginning) in [
            ("2026-05-01T13:59:59.999999999Z", "2026-05-01T13:00:00Z"),
            ("2026-05-01T13:00:00Z", "2026-05-01T13:00:00Z"),
            ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(hour(at(moment)), at(beginning), "{moment}");
        }
        assert_eq!(hour(Timestamp::MIN), Timestamp::UNIX_EPOCH);
        assert!(hour(Timestamp::MAX) <= Timestamp::MAX);
    }
}
