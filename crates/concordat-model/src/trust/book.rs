//! The book of trust: the fold over every change in the log.
//!
//! It believes no change: each is computed again before it is entered, so a log with an invented score does not
//! load. Reading costs time in proportion to the fields that the one agent has worked in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::score::outcomes;
use super::{Belief, Cause, Evidence, Formula, Seen, TrustChanged, TrustKey, TrustState, TrustView};
use crate::id::AgentId;
use crate::share::Share;

/// What was seen of every agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustBook {
    agents: BTreeMap<AgentId, BTreeMap<TrustKey, Entry>>,
    /// How many changes were entered.
    changes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    state: TrustState,
    /// Which change it was that entered the state: the newest revision is the one with the largest.
    change: u64,
}

impl TrustBook {
    /// The change that follows from what was seen; nothing, where it says nothing about the agent.
    ///
    /// The change is not entered. Observe, commit and enter one change of a key before the next is observed:
    /// two changes with one `before` cannot both be entered.
    #[must_use]
    pub fn observe(&self, key: &TrustKey, seen: Seen, cause: Cause, at: Timestamp) -> Option<TrustChanged> {
        seen.evidence()?;
        let before = self.state(key);
        let after = before.after(&seen, at);
        Some(TrustChanged { key: key.clone(), seen, cause, before, after, formula: Formula::Beta1 })
    }

    /// Enters a change from the log.
    ///
    /// # Errors
    /// A change that does not follow from this book and what was seen; the book stays as it was.
    pub fn apply(&mut self, change: &TrustChanged) -> Result<(), Irreproducible> {
        let refused =
            |why| Irreproducible { why, key: Box::new(change.key.clone()), cause: change.cause.clone() };
        let TrustChanged { key, seen, before, after, formula: Formula::Beta1, .. } = change;
        if seen.evidence().is_none() {
            return Err(refused(Fault::NoEvidence));
        }
        if self.state(key) != *before {
            return Err(refused(Fault::Before));
        }
        if before.after(seen, after.since) != *after {
            return Err(refused(Fault::After));
        }
        self.changes += 1;
        let entry = Entry { state: *after, change: self.changes };
        self.agents.entry(key.agent).or_default().insert(key.clone(), entry);
        Ok(())
    }

    /// The state of what was seen under this key, or what a new revision inherits.
    #[must_use]
    pub fn state(&self, key: &TrustKey) -> TrustState {
        let entries = self.agents.get(&key.agent);
        if let Some(entry) = entries.and_then(|entries| entries.get(key)) {
            return entry.state;
        }
        let earlier = entries.into_iter().flatten().filter(|(other, _)| other.same_field(key));
        earlier
            .max_by_key(|(_, entry)| entry.change)
            .map_or(TrustState::NONE, |(_, entry)| entry.state.inherited())
    }

    /// What is believed now, as selection draws from it.
    #[must_use]
    pub fn belief(&self, key: &TrustKey, now: Timestamp) -> Belief {
        self.state(key).belief(&self.prior(key, now), now)
    }

    /// What policy is told now; the same for every moment of one hour.
    ///
    /// Costs 1 to 4.4 µs with up to ten fields of work (`examples/trust_cost.rs`, release, fastest batch on two busy
    /// cores), and some 40 ns more for each further field: cheap enough to go without a cache.
    #[must_use]
    pub fn view(&self, key: &TrustKey, now: Timestamp) -> TrustView {
        let state = self.state(key);
        let belief = state.belief(&self.prior(key, now), now);
        // Failures fade too, so that a very low bound would rise by idling. What it was is the most it can be.
        let fresh = state.belief(&self.prior(key, state.since), state.since);
        let most = if fresh == belief { Share::ONE } else { fresh.lower_bound() };
        TrustView {
            mean: belief.mean(),
            lower_bound: belief.lower_bound().min(most),
            evidence: outcomes(state.faded(now).delivery),
        }
    }

    /// Everything that was seen of one agent, by revision, domain and skill.
    pub fn of_agent(&self, agent: AgentId) -> impl Iterator<Item = (&TrustKey, &TrustState)> {
        self.agents.get(&agent).into_iter().flatten().map(|(key, entry)| (key, &entry.state))
    }

    /// What is believed of a key before anything is seen there: from what the agent did in other fields.
    fn prior(&self, key: &TrustKey, now: Timestamp) -> Belief {
        let elsewhere = self.of_agent(key.agent).filter(|(other, _)| !other.same_field(key));
        Belief::prior_after(
            &elsewhere.map(|(_, state)| state.faded(now)).fold(Evidence::default(), Evidence::plus),
        )
    }
}

/// A change of trust that does not follow from what was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trust in `{key}` cannot be computed again after attempt {} of `{}` in `{}`: {why}", .cause.attempt.number, .cause.attempt.step, .cause.run)]
pub struct Irreproducible {
    /// What is wrong with the change.
    pub why: Fault,
    /// Trust in what.
    pub key: Box<TrustKey>,
    /// Where it is said to have been seen.
    pub cause: Cause,
}

/// What is wrong with a change of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// What was seen says nothing about the agent.
    #[error("what was seen says nothing about the agent, so nothing changes")]
    NoEvidence,
    /// The change does not begin where the last one ended.
    #[error("it does not begin where the change before it ended; one is missing, doubled or out of order")]
    Before,
    /// The change does not end where the formula ends.
    #[error("its result is not what the formula gives")]
    After,
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::super::{Fit, OUTCOME};
    use super::*;
    use crate::digest::Digest;
    use crate::id::RunId;
    use crate::work::{Attempt, Leg};

    pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

    pub(super) fn start() -> Timestamp {
        "2026-05-01T13:20:00Z".parse().unwrap()
    }

    pub(super) fn key(agent: u128, revision: &str, domain: &str) -> TrustKey {
        TrustKey {
            agent: AgentId::new(Uuid::from_u128(agent)),
            revision: Digest::of(revision.as_bytes()),
            domain: domain.parse().unwrap(),
            skill: "assess".parse().unwrap(),
        }
    }

    pub(super) fn cause() -> Cause {
        let attempt = Attempt { step: "risk".parse().unwrap(), leg: Leg::Do, number: 1 };
        Cause { run: RunId::new(Uuid::from_u128(7)), attempt }
    }

    pub(super) const RIGHT: Seen = Seen::Completed { latency_ms: 10, allowed_ms: 1000, schema: Fit::Fits };

    pub(super) const SLOW: Seen = Seen::Completed { latency_ms: 1000, allowed_ms: 1000, schema: Fit::Fits };

    impl TrustBook {
        pub(super) fn see(&mut self, key: &TrustKey, seen: Seen, times: u32, at: Timestamp) {
            for _ in 0..times {
                if let Some(change) = self.observe(key, seen, cause(), at) {
                    self.apply(&change).unwrap();
                }
            }
        }

        pub(super) fn bound(&self, key: &TrustKey, now: Timestamp) -> u16 {
            self.view(key, now).lower_bound.points()
        }
    }

    #[test]
    fn nobody_knows_an_unknown_agent() {
        let view = TrustBook::default().view(&key(1, "a", "finance"), start());
        assert_eq!((view.mean.points(), view.lower_bound.points(), view.evidence), (3333, 253, 0));
    }

    #[test]
    fn so_many_right_answers_pass_a_gate_on_every_side() {
        // One dimension alone needs 6, 12, 20 and 44; evidence on latency counts half, so the last takes longer.
        for (gate, wanted) in [(5000, 6), (7000, 13), (8000, 22), (9000, 48)] {
            let (mut book, here) = (TrustBook::default(), key(1, "a", "finance"));
            let needed = (1..200).find(|_| {
                book.see(&here, RIGHT, 1, start());
                book.bound(&here, start()) >= gate
            });
            assert_eq!(needed, Some(wanted), "{gate}");
        }
    }

    #[test]
    fn excellence_elsewhere_is_not_evidence_here() {
        let (mut book, there, here) =
            (TrustBook::default(), key(1, "a", "finance"), key(1, "a", "healthcare"));
        book.see(&there, RIGHT, 5000, start());
        assert!(book.bound(&there, start()) > 9_900);
        assert!(book.bound(&here, start()) < 500, "{:?}", book.view(&here, start()));
        book.see(&here, RIGHT, 3, start());
        assert!(book.bound(&here, start()) < 5000);
    }

    #[test]
    fn failing_elsewhere_costs_trust_here() {
        let (mut book, there, here) =
            (TrustBook::default(), key(1, "a", "finance"), key(1, "a", "healthcare"));
        book.see(&here, RIGHT, 10, start());
        let before = book.bound(&here, start());
        book.see(&there, Seen::Malformed, 50, start());
        assert!(book.bound(&here, start()) < before);
    }

    #[test]
    fn another_agent_changes_nothing() {
        let (mut book, mine, other) = (TrustBook::default(), key(1, "a", "finance"), key(2, "a", "finance"));
        book.see(&mine, RIGHT, 10, start());
        let before = book.view(&mine, start());
        book.see(&other, Seen::Failed, 10, start());
        assert_eq!(book.view(&mine, start()), before);
    }

    #[test]
    fn a_new_revision_inherits_a_quarter() {
        let (mut book, old, new) = (TrustBook::default(), key(1, "a", "finance"), key(1, "b", "finance"));
        book.see(&old, RIGHT, 40, start());
        book.see(&old, Seen::Failed, 20, start());
        let inherited = book.state(&new).evidence.delivery;
        assert_eq!((inherited.good, inherited.bad), (10 * OUTCOME, 5 * OUTCOME));
        assert!(book.bound(&new, start()) < book.bound(&old, start()));

        // The third inherits from the second, which was seen last, and going back brings the first one's own.
        book.see(&new, RIGHT, 2, start());
        assert_eq!(book.state(&key(1, "c", "finance")).evidence.delivery.good, 3 * OUTCOME);
        assert_eq!(book.state(&old).evidence.delivery.good, 40 * OUTCOME);
    }

    #[test]
    fn a_false_claim_costs_five() {
        let (mut book, here) = (TrustBook::default(), key(1, "a", "finance"));
        book.see(&here, RIGHT, 20, start());
        assert!(book.bound(&here, start()) > 7000);
        book.see(&here, Seen::UnknownSkill, 1, start());
        assert!(book.bound(&here, start()) < 7000);
    }

    #[test]
    fn what_is_no_evidence_is_no_change() {
        let (book, here) = (TrustBook::default(), key(1, "a", "finance"));
        for seen in [Seen::BadRequest, Seen::Cancelled, Seen::UpstreamFailed] {
            assert_eq!(book.observe(&here, seen, cause(), start()), None, "{seen:?}");
        }
    }

    #[test]
    fn a_slow_agent_passes_no_gate_by_idling() {
        // Its lateness fades faster in the bound than its deliveries: without the rule 3973 would become 4896.
        let (mut book, here) = (TrustBook::default(), key(1, "a", "finance"));
        book.see(&here, SLOW, 1000, start());
        let was = book.bound(&here, start());
        for days in [1, 30, 60, 90, 120, 150, 365, 3650] {
            assert!(book.bound(&here, start() + DAY * days) <= was, "{days} days");
        }
    }

    #[test]
    fn the_view_is_the_same_all_through_an_hour() {
        let (mut book, here) = (TrustBook::default(), key(1, "a", "finance"));
        book.see(&here, RIGHT, 20, start());
        let then = start() + DAY * 9;
        assert_eq!(book.view(&here, then), book.view(&here, then + SignedDuration::from_mins(39)));
        assert_ne!(book.view(&here, then), book.view(&here, then + SignedDuration::from_mins(40)));
    }

    #[test]
    fn an_invented_change_is_refused() {
        let (mut book, here) = (TrustBook::default(), key(1, "a", "finance"));
        book.see(&here, RIGHT, 3, start());
        let honest = book.observe(&here, RIGHT, cause(), start() + DAY).unwrap();
        let check = |change: TrustChanged, wanted: Fault| {
            let mut forged = book.clone();
            assert_eq!(forged.apply(&change).unwrap_err().why, wanted, "{change:?}");
            assert_eq!(forged, book);
        };
        let with = |forge: &dyn Fn(&mut TrustChanged)| {
            let mut change = honest.clone();
            forge(&mut change);
            change
        };
        check(with(&|change| change.after.evidence.quality.good += 1), Fault::After);
        check(with(&|change| change.after.since += SignedDuration::from_mins(1)), Fault::After);
        check(with(&|change| change.after.since -= DAY * 2), Fault::After);
        check(with(&|change| change.seen = Seen::Failed), Fault::After);
        check(with(&|change| change.seen = Seen::Cancelled), Fault::NoEvidence);
        check(with(&|change| change.before = TrustState::NONE), Fault::Before);
        check(with(&|change| change.before.evidence.delivery.good = u64::MAX), Fault::Before);
        check(with(&|change| change.key.domain = "healthcare".parse().unwrap()), Fault::Before);

        book.apply(&honest).unwrap();
        let twice = book.apply(&honest).unwrap_err();
        assert_eq!(twice.why, Fault::Before);
        let told = twice.to_string();
        assert!(told.contains("finance/assess") && told.contains("attempt 1 of `risk`"), "{told}");
    }

    #[test]
    fn a_change_with_more_than_it_should_say_is_refused() {
        let change = TrustBook::default().observe(&key(1, "a", "finance"), RIGHT, cause(), start()).unwrap();
        let honest = serde_json::to_value(&change).unwrap();
        assert_eq!(serde_json::from_value::<TrustChanged>(honest.clone()).unwrap(), change);
        assert_eq!(honest["formula"], "beta/1");
        for place in
            ["", "/key", "/seen/completed", "/cause", "/cause/attempt", "/before", "/after/evidence/quality"]
        {
            let mut forged = honest.clone();
            forged.pointer_mut(place).unwrap()["bonus"] = 1.into();
            assert!(serde_json::from_value::<TrustChanged>(forged).is_err(), "{place}");
        }
        let schema = serde_json::to_string(&schemars::schema_for!(TrustChanged)).unwrap();
        assert!(schema.contains("beta/1") && !schema.contains(r#""type":"number""#), "{schema}");

        let mut newer = honest;
        newer["formula"] = "beta/2".into();
        assert!(serde_json::from_value::<TrustChanged>(newer).is_err());
    }
}
