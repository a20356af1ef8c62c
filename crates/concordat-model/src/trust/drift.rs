//! Change detection: when the agents of a domain suddenly do worse than they used to, choosing opens up again.
//!
//! Two running means of success are kept for each domain, one that remembers some fifteen outcomes and one that
//! remembers two hundred. When the short one falls a fifth below the long one, the field is **shaken**, until it has
//! come half of the way back. It is a fold over the changes of trust, so a log replays to the same moments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole, in millionths.
const WHOLE: i64 = 1_000_000;
/// How much of the way to an outcome the short mean goes: 1 - 2^(-1/15), in millionths.
const SHORT: i64 = 45_158;
/// How much of the way to an outcome the long mean goes: 1 - 2^(-1/200), in millionths.
const LONG: i64 = 3_460;
/// A field is shaken when the short mean is so far below the long one.
const OPENS: i64 = WHOLE / 5;
/// It has settled when the short mean is no further below than this.
const SETTLES: i64 = WHOLE / 10;
/// Nothing is said about a field of which less was seen.
const LEAST: i64 = 30;

/// How a field has done lately, and how it does in the long run, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The share of good outcomes lately.
    pub short: i64,
    /// The share of good outcomes in the long run.
    pub long: i64,
    /// Whether the field does much worse than it used to.
    pub shaken: bool,
    /// How many outcomes were seen.
    pub seen: i64,
}

impl Drift {
    /// How the field does once this outcome was seen too.
    #[must_use]
    pub fn after(self, success: bool) -> Drift {
        let outcome = if success { WHOLE } else { 0 };
        let seen = self.seen.saturating_add(1);
        // The first outcomes are a plain mean: there is nothing yet that could be remembered.
        let toward = |mean: i64, part: i64| mean + (outcome - mean) * part.max(WHOLE / seen) / WHOLE;
        let (short, long) = (toward(self.short, SHORT), toward(self.long, LONG));
        let below = long - short;
        let shaken = seen >= LEAST && if self.shaken { below > SETTLES } else { below > OPENS };
        Drift { short, long, shaken, seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field after `good` right answers in `of`, spread evenly, so many times.
    fn field(drift: Drift, good: u32, of: u32, times: u32) -> Drift {
        (0..times * of).fold(drift, |drift, nth| drift.after(nth % of < good))
    }

    #[test]
    fn a_field_is_shaken_by_a_fall_and_settles() {
        let steady = field(Drift::default(), 9, 10, 60);
        assert!(!steady.shaken && (880_000..920_000).contains(&steady.long), "{steady:?}");
        let fallen = (1..60).find(|n| (0..*n).fold(steady, |drift, nth| drift.after(nth % 3 == 2)).shaken);
        assert!(fallen.is_some_and(|outcomes| outcomes < 20), "{fallen:?}");
        let shaken = field(steady, 1, 3, 8);
        assert!(shaken.shaken, "{shaken:?}");
        assert!(!field(shaken, 9, 10, 8).shaken);
    }

    #[test]
    fn a_field_that_does_evenly_badly_is_not_shaken() {
        assert!(!field(Drift::default(), 1, 4, 200).shaken);
        assert!(
            !(0..29).fold(Drift::default(), |drift, nth| drift.after(nth < 5)).shaken,
            "too little was seen"
        );
    }
}
