//! How the revision on trial, and the one in force, have done since they came there.
//!
//! Counted in memory: after a start the counts begin anew, and what they were is in the decisions of the log.

use concordat_model::decision::{Answer, Decision};
use concordat_model::digest::Digest;
use concordat_model::policy_book::Withdrawal;
use concordat_model::share::Share;

/// Fewer decisions than this say nothing about how often two revisions differ.
const LEAST_ASKED: u64 = 50;
/// A revision that gave no answer of its own this often is taken back.
const MOST_FAILED: u64 = 3;
/// And in force, where it is asked much more, when it failed in one of so many decisions as well.
const ONE_FAILURE_IN: u64 = 100;

/// The counts of one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often it was asked.
    pub asked: u64,
    /// How often it differed from the revision in force.
    pub differed: u64,
    /// How often it gave no answer of its own.
    pub failed: u64,
}

/// Who is counted, and since when nothing else was.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    trial: Option<(Digest, Option<Share>, Tally)>,
    enforced: Option<(Digest, Tally)>,
}

/// What is to be taken back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TakeBack {
    Trial(Digest, Withdrawal),
    Enforced(Digest, Withdrawal),
}

impl Tallies {
    /// Begins to count for these; whoever was counted already goes on.
    pub(super) fn count(&mut self, enforced: Digest, trial: Option<(Digest, Option<Share>)>) {
        if self.enforced.as_ref().is_none_or(|(counted, _)| *counted != enforced) {
            self.enforced = Some((enforced, Tally::default()));
        }
        let before = self.trial.take();
        self.trial = trial.map(|(revision, most)| {
            let kept = before.filter(|(counted, ..)| *counted == revision).map(|(.., tally)| tally);
            (revision, most, kept.unwrap_or_default())
        });
    }

    /// How the revision on trial has done.
    pub(super) fn of_trial(&self) -> Option<Tally> {
        self.trial.as_ref().map(|(.., tally)| *tally)
    }

    /// Notes a decision; tells whether something is to be taken back now.
    pub(super) fn note(&mut self, decision: &Decision) -> Option<TakeBack> {
        self.note_trial(decision).or_else(|| self.note_enforced(decision))
    }

    fn note_trial(&mut self, decision: &Decision) -> Option<TakeBack> {
        let (revision, most, tally) = self.trial.as_mut()?;
        let compared = decision.compared.as_ref()?;
        let failed = if compared.policy == *revision {
            compared.failed
        } else if decision.provenance.policy == *revision {
            failed(&decision.answer)
        } else {
            return None;
        };
        tally.asked += 1;
        tally.differed += u64::from(compared.differs);
        tally.failed += u64::from(failed);
        let Tally { asked, differed, failed } = *tally;
        if failed >= MOST_FAILED {
            return Some(TakeBack::Trial(*revision, Withdrawal::Failed { asked, failed }));
        }
        let most = (*most).filter(|_| asked >= LEAST_ASKED)?;
        let too_many = u128::from(differed) * 10_000 > u128::from(asked) * u128::from(most.points());
        too_many.then_some(TakeBack::Trial(*revision, Withdrawal::Disagreed { asked, differed }))
    }

    fn note_enforced(&mut self, decision: &Decision) -> Option<TakeBack> {
        let (revision, tally) = self.enforced.as_mut()?;
        if decision.provenance.policy != *revision {
            return None;
        }
        tally.asked += 1;
        tally.failed += u64::from(failed(&decision.answer));
        let Tally { asked, failed, .. } = *tally;
        let too_many = failed >= MOST_FAILED && failed * ONE_FAILURE_IN >= asked;
        too_many.then_some(TakeBack::Enforced(*revision, Withdrawal::Failed { asked, failed }))
    }
}

/// Whether policy gave no answer of its own. A slow machine is not the policy's failure: what took too long is asked
/// again by whoever asked.
fn failed(answer: &Answer) -> bool {
    let own = |code: &str| code.starts_with("policy_") && code != "policy_timeout";
    answer.reasons().iter().any(|reason| own(&reason.code))
}

#[cfg(test)]
mod tests {
    use concordat_model::decision::{Compared, Gate, Provenance, Reason, Reasons};

    use super::*;

    fn decision(by: &str, compared: Option<(&str, bool, bool)>, code: Option<&str>) -> Decision {
        let reason = |code: &str| Reason { code: code.to_owned(), message: "m".to_owned(), fix: None };
        Decision {
            id: "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            gate: Gate::Admit,
            answer: code.map_or(Answer::Permit, |code| Answer::Deny { reasons: Reasons::one(reason(code)) }),
            checks: Vec::new(),
            permitted: Vec::new(),
            strategy: None,
            regions: Vec::new(),
            excluded: Default::default(),
            compared: compared.map(|(policy, differs, failed)| {
                Box::new(Compared {
                    policy: Digest::of(policy.as_bytes()),
                    answer: "permit".to_owned(),
                    codes: Vec::new(),
                    differs,
                    failed,
                })
            }),
            provenance: Provenance {
                policy: Digest::of(by.as_bytes()),
                input: Digest::of(b"i"),
                explanation: None,
                evaluator: "none".to_owned(),
            },
        }
    }

    fn tallies(most: Option<f64>) -> Tallies {
        let mut tallies = Tallies::default();
        tallies.count(Digest::of(b"old"), Some((Digest::of(b"new"), most.map(Share::of))));
        tallies
    }

    #[test]
    fn too_much_disagreement_takes_a_canary_back_and_never_a_shadow() {
        let differs = decision("old", Some(("new", true, false)), None);
        let mut canary = tallies(Some(0.5));
        for _ in 1..LEAST_ASKED {
            assert_eq!(canary.note(&differs), None);
        }
        let (asked, differed) = (LEAST_ASKED, LEAST_ASKED);
        let wanted = TakeBack::Trial(Digest::of(b"new"), Withdrawal::Disagreed { asked, differed });
        assert_eq!(canary.note(&differs), Some(wanted));
        let mut shadow = tallies(None);
        assert!((0..1_000).all(|_| shadow.note(&differs).is_none()));
        assert_eq!(shadow.of_trial().unwrap(), Tally { asked: 1_000, differed: 1_000, failed: 0 });
    }

    #[test]
    fn failures_take_back_whoever_failed() {
        let mut shadow = tallies(None);
        let fails = decision("old", Some(("new", true, true)), None);
        assert!(shadow.note(&fails).is_none() && shadow.note(&fails).is_none());
        let wanted = Withdrawal::Failed { asked: 3, failed: 3 };
        assert_eq!(shadow.note(&fails), Some(TakeBack::Trial(Digest::of(b"new"), wanted.clone())));

        let mut canary = tallies(Some(0.1));
        let fails = decision("new", Some(("old", true, false)), Some("policy_undefined"));
        assert!(canary.note(&fails).is_none() && canary.note(&fails).is_none());
        assert_eq!(canary.note(&fails), Some(TakeBack::Trial(Digest::of(b"new"), wanted.clone())));

        let mut alone = tallies(None);
        let fails = decision("old", None, Some("policy_conflict"));
        assert!(alone.note(&fails).is_none() && alone.note(&fails).is_none());
        assert_eq!(alone.note(&fails), Some(TakeBack::Enforced(Digest::of(b"old"), wanted)));
    }

    #[test]
    fn refusals_and_slow_machines_are_no_failures() {
        let mut alone = tallies(None);
        for code in ["skill_missing", "policy_timeout"] {
            let refused = decision("old", None, Some(code));
            assert!((0..100).all(|_| alone.note(&refused).is_none()));
        }
    }
}
