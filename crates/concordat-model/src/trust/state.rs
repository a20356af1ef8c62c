//! The state of trust: what was seen so far, as it had faded when it was last added to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fading::hour;
use super::{Belief, Counts, Evidence, Formula, Seen, Stakes};
use crate::contract::Risk;

/// What was seen of one agent revision at one skill in one domain, without any prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustState {
    /// What was seen, faded up to `since`.
    pub evidence: Evidence,
    /// The hour up to which the evidence has faded; 1970 where nothing was ever seen.
    pub since: Timestamp,
    /// At which risk the good of it was earned.
    #[serde(default, skip_serializing_if = "Stakes::is_none")]
    pub stakes: Stakes,
}

impl TrustState {
    /// The state of whoever was never seen.
    pub const NONE: TrustState =
        TrustState { evidence: Evidence::NONE, since: Timestamp::UNIX_EPOCH, stakes: Stakes::NONE };

    /// The state once this was seen too, with so much at stake. What is no evidence changes nothing.
    #[must_use]
    pub fn after(&self, seen: &Seen, risk: Option<Risk>, formula: Formula, at: Timestamp) -> TrustState {
        let Some(evidence) = seen.evidence(formula) else { return *self };
        let all = self.evidence.faded(self.since, at).plus(evidence);
        let capped = all.each(Counts::capped);
        let stakes = self.stakes.faded(self.since, at).plus(evidence.delivery, risk);
        let (kept, of) = (capped.delivery.total(), all.delivery.total().max(1));
        let stakes = if kept == of || kept == 0 { stakes } else { stakes.part(kept.into(), of.into()) };
        // A clock that was set back must not make the evidence between fade twice.
        TrustState { evidence: capped, since: hour(at).max(self.since), stakes }
    }

    /// What is believed now, on top of what was believed before anything was seen.
    #[must_use]
    pub fn belief(&self, prior: &Belief, now: Timestamp) -> Belief {
        prior.with(&self.faded(now))
    }

    /// What is believed now of work at this risk: what was earned at lower ones counts for less, and for less still
    /// where the agent failed `above`, which is what was seen of it at this risk and higher ones in other fields.
    #[must_use]
    pub fn belief_at(&self, prior: &Belief, risk: Risk, above: Counts, now: Timestamp) -> Belief {
        prior.with(&self.counting_at(risk, above.plus(self.above(risk, now)), now))
    }

    /// What is left now of the evidence as it counts at this risk, given all that was seen of the agent at it and above.
    pub(super) fn counting_at(&self, risk: Risk, above: Counts, now: Timestamp) -> Evidence {
        self.stakes.faded(self.since, now).at(self.faded(now), risk, above)
    }

    /// What is left now of delivery at this risk and higher ones.
    pub(super) fn above(&self, risk: Risk, now: Timestamp) -> Counts {
        self.stakes.faded(self.since, now).above(self.faded(now).delivery, risk)
    }

    /// What is left of the evidence now.
    pub(super) fn faded(&self, now: Timestamp) -> Evidence {
        self.evidence.faded(self.since, now)
    }

    /// What a new revision of the same agent begins with: a quarter of what the one before had earned.
    ///
    /// By the second formula a bad record does not shrink with it, so that a new revision washes nothing away.
    pub(super) fn inherited(&self, formula: Formula) -> TrustState {
        let quarter = self.evidence.each(|counts| counts.scaled(1, 4));
        let evidence = match formula {
            Formula::Beta1 => quarter,
            Formula::Beta2 => quarter.worst_of(self.evidence.each(Counts::record)),
        };
        TrustState { evidence, since: self.since, stakes: self.stakes.part(1, 4) }
    }

    /// How much speaks against the agent now, in millionths of an outcome.
    pub(super) fn against(&self, now: Timestamp) -> u64 {
        let left = self.faded(now);
        left.delivery.bad + left.quality.bad + left.policy.bad
    }

    /// What another agent of the same party begins with: the bad that speaks against it, and no good.
    pub(super) fn record(&self) -> TrustState {
        TrustState { evidence: self.evidence.each(Counts::record), since: self.since, stakes: Stakes::NONE }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::lower_bound::lower_bound;
    use super::super::{Counts, Fit, OUTCOME};
    use super::*;

    const HALF_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

    fn start() -> Timestamp {
        "2026-05-01T13:20:00Z".parse().unwrap()
    }

    fn right() -> Seen {
        Seen::Completed { latency_ms: 10, allowed_ms: 1000, schema: Fit::Fits, price: None }
    }

    /// So many right answers and so many failures, spread evenly, all within one hour.
    fn seen(right_answers: u32, failures: u32) -> TrustState {
        let all = right_answers + failures;
        (0..all).fold(TrustState::NONE, |state, nth| {
            let failed = (nth + 1) * failures / all > nth * failures / all;
            state.after(&if failed { Seen::Failed } else { right() }, None, Formula::Beta2, start())
        })
    }

    /// The lower bound and mean of delivery, after idling for so many half-lives.
    fn delivery(state: &TrustState, half_lives: i32) -> (f64, f64) {
        let counts = state.belief(&Belief::PRIOR, start() + HALF_LIFE * half_lives).delivery;
        (lower_bound(counts), counts.good as f64 / counts.total() as f64)
    }

    #[track_caller]
    fn check_near(found: f64, wanted: f64, what: &str) {
        assert!((found - wanted).abs() < 0.002, "{what}: {found:.4}, not {wanted}");
    }

    #[test]
    fn the_lower_bound_grows_with_evidence() {
        for (right_answers, failures, wanted) in [
            (0, 0, 0.025),
            (1, 0, 0.135),
            (5, 0, 0.479),
            (6, 0, 0.529),
            (9, 1, 0.562),
            (50, 0, 0.912),
            (95, 5, 0.887),
            (950, 50, 0.936),
        ] {
            let (bound, _) = delivery(&seen(right_answers, failures), 0);
            check_near(bound, wanted, &format!("{right_answers}/{failures}"));
        }
    }

    #[test]
    fn idling_loses_certainty() {
        for (half_lives, good_agent, bad_agent, bad_mean) in [
            (0, 0.887, 0.126, 0.261),
            (1, 0.845, 0.096, 0.269),
            (2, 0.773, 0.070, 0.281),
            (4, 0.499, 0.039, 0.309),
        ] {
            check_near(delivery(&seen(95, 5), half_lives).0, good_agent, "95/5");
            let (bound, mean) = delivery(&seen(5, 15), half_lives);
            check_near(bound, bad_agent, "5/15");
            check_near(mean, bad_mean, "mean of 5/15");
        }
    }

    #[test]
    fn so_many_outcomes_pass_a_gate() {
        for (gate, perfect, nineteen_of_twenty) in
            [(0.5, 6, 20), (0.7, 12, 20), (0.8, 20, 40), (0.9, 44, 140)]
        {
            let passes = |state: &TrustState| delivery(state, 0).0 >= gate;
            assert_eq!((1..).find(|n| passes(&seen(*n, 0))), Some(perfect), "{gate}");
            let twenties = (1..).find(|n| passes(&seen(19 * n, *n))).map(|n| 20 * n);
            assert_eq!(twenties, Some(nineteen_of_twenty), "{gate}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_fades_nothing() {
        let before = seen(10, 0);
        let after = before.after(&Seen::Failed, None, Formula::Beta2, start() - HALF_LIFE);
        assert_eq!((after.evidence.delivery.good, after.since), (10 * OUTCOME, before.since));
    }

    #[test]
    fn a_busy_agent_fades_like_an_idle_one() {
        // A failure, then a right answer every five minutes for thirty days: half of the failure is left.
        let state = (0..30 * 24 * 12).fold(seen(0, 1), |state, nth| {
            state.after(&right(), None, Formula::Beta2, start() + SignedDuration::from_mins(5 * nth))
        });
        let Counts { good, bad } =
            state.after(&right(), None, Formula::Beta2, start() + HALF_LIFE).evidence.delivery;
        assert!(good > 6_000 * OUTCOME, "{good}");
        assert!(bad.abs_diff(OUTCOME / 2) < 500, "{bad}");
    }

    #[test]
    fn a_very_busy_agent_is_not_trusted_for_ever() {
        let state = seen(20_000, 0);
        assert_eq!(state.evidence.delivery.total(), 10_000 * OUTCOME);
        let turned =
            (0..5_000).fold(state, |state, _| state.after(&Seen::Failed, None, Formula::Beta2, start()));
        let share = turned.evidence.delivery.good as f64 / turned.evidence.delivery.total() as f64;
        check_near(share, 0.607, "half of its memory later");
    }

    #[test]
    fn what_is_no_evidence_changes_nothing() {
        let before = seen(3, 1);
        assert_eq!(before.after(&Seen::Cancelled, None, Formula::Beta2, start() + HALF_LIFE), before);
    }
}
