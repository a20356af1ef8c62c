//! Trials: how much of a domain's low-risk work agents get that have yet to prove themselves, where others have.
//!
//! Whoever is new has to be given work to become known, at the cost of those whose work it is. How much of it that may
//! be is for policy to say; here it is counted, as a running share that remembers some hundred outcomes, so that a quiet
//! year saves up no right to a thousand tries in a row. It is a fold over the changes of trust, as `drift` is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::share::Share;

/// The whole, in millionths.
const WHOLE: i64 = 1_000_000;
/// How much of the way to an outcome the share goes: 1 - 2^(-1/100), in millionths.
const STEP: i64 = 6_908;

/// What agents that had yet to prove themselves got of a domain's low-risk work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Trials {
    /// How many outcomes were theirs.
    pub count: u64,
    /// Their share of the outcomes lately, in millionths.
    share: i64,
}

impl Trials {
    /// What they got once this outcome was seen too.
    #[must_use]
    pub fn after(self, trial: bool) -> Trials {
        let outcome = if trial { WHOLE } else { 0 };
        let share = self.share + (outcome - self.share) * STEP / WHOLE;
        Trials { count: self.count.saturating_add(u64::from(trial)), share }
    }

    /// Their share of the outcomes lately.
    #[must_use]
    pub fn share(self) -> Share {
        Share::points_of(u16::try_from(self.share * 10_000 / WHOLE).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_last_outcomes() {
        let every_tenth = (0..2_000).fold(Trials::default(), |trials, nth| trials.after(nth % 10 == 0));
        assert_eq!(every_tenth.count, 200);
        assert!((900..=1_100).contains(&every_tenth.share().points()), "{every_tenth:?}");
        let quiet = (0..100).fold(every_tenth, |trials, _| trials.after(false));
        let (before, after) = (every_tenth.share().points(), quiet.share().points());
        assert!(after.abs_diff(before / 2) <= 10, "{before}, and {after} a hundred outcomes later");
    }

    #[test]
    fn a_quiet_year_saves_nothing_up() {
        let quiet = (0..100_000).fold(Trials::default(), |trials, _| trials.after(false));
        let in_a_row = (0..).scan(quiet, |trials, _| {
            *trials = trials.after(true);
            Some(trials.share().points())
        });
        assert_eq!(in_a_row.take_while(|points| *points <= 500).count(), 7);
    }
}
