//! What the book says of agents, and which changes it refuses.

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
    Cause::attempt(RunId::new(Uuid::from_u128(7)), attempt)
}

pub(super) const RIGHT: Seen =
    Seen::Completed { latency_ms: 10, allowed_ms: 1000, schema: Fit::Fits, price: None };

pub(super) const SLOW: Seen =
    Seen::Completed { latency_ms: 1000, allowed_ms: 1000, schema: Fit::Fits, price: None };

impl TrustBook {
    pub(super) fn see(&mut self, key: &TrustKey, seen: Seen, times: u32, at: Timestamp) {
        for _ in 0..times {
            if let Some(change) = self.observe(key, seen, None, cause(), at) {
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
    // One dimension alone needs 6, 12, 20 and 44; evidence on latency and cost counts less, so it takes longer.
    for (gate, wanted) in [(5000, 6), (7000, 14), (8000, 23), (9000, 50)] {
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
    let (mut book, there, here) = (TrustBook::default(), key(1, "a", "finance"), key(1, "a", "healthcare"));
    book.see(&there, RIGHT, 5000, start());
    assert!(book.bound(&there, start()) > 9_900);
    assert!(book.bound(&here, start()) < 500, "{:?}", book.view(&here, start()));
    book.see(&here, RIGHT, 3, start());
    assert!(book.bound(&here, start()) < 5000);
}

#[test]
fn failing_elsewhere_costs_trust_here() {
    let (mut book, there, here) = (TrustBook::default(), key(1, "a", "finance"), key(1, "a", "healthcare"));
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
    // Of the bad a quarter, or as much as bad was a part of it, whichever is more: 20 of 60 is a third.
    assert_eq!((inherited.good, inherited.bad), (10 * OUTCOME, 6_666_667));
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
        assert_eq!(book.observe(&here, seen, None, cause(), start()), None, "{seen:?}");
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
    let honest = book.observe(&here, RIGHT, None, cause(), start() + DAY).unwrap();
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
    let change =
        TrustBook::default().observe(&key(1, "a", "finance"), RIGHT, None, cause(), start()).unwrap();
    let honest = serde_json::to_value(&change).unwrap();
    assert_eq!(serde_json::from_value::<TrustChanged>(honest.clone()).unwrap(), change);
    assert_eq!(honest["formula"], "beta/2");
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
    newer["formula"] = "beta/3".into();
    assert!(serde_json::from_value::<TrustChanged>(newer).is_err());
}

#[test]
fn who_did_something_in_a_field_is_known_there_once_the_best_first() {
    let mut book = TrustBook::default();
    let (finance, health) = (key(2, "a", "finance"), key(1, "a", "healthcare"));
    book.see(&finance, RIGHT, 3, start());
    book.see(&key(2, "b", "finance"), RIGHT, 1, start());
    book.see(&key(1, "a", "finance"), RIGHT, 1, start());
    book.see(&health, RIGHT, 1, start());
    let known = |book: &TrustBook, key: &TrustKey| book.known_in(&key.domain, &key.skill).collect::<Vec<_>>();
    assert_eq!(known(&book, &finance), [finance.agent, health.agent], "three results before one");
    assert_eq!(known(&book, &health), [health.agent]);
    assert!(known(&book, &key(1, "a", "research")).is_empty());
    book.see(&key(1, "a", "finance"), RIGHT, 4, start());
    assert_eq!(known(&book, &finance), [health.agent, finance.agent], "five before four");
    book.see(&key(1, "a", "finance"), Seen::Failed, 500, start());
    book.see(&key(3, "a", "finance"), Seen::Failed, 1, start());
    let last = key(3, "a", "finance").agent;
    assert_eq!(known(&book, &finance), [finance.agent, health.agent, last], "who failed often goes back");
    let knows = |key: &TrustKey| book.knows(key.agent, &key.domain, &key.skill);
    assert!(knows(&finance) && knows(&key(3, "b", "finance")) && !knows(&key(3, "a", "healthcare")));
}

#[test]
fn only_agents_of_which_something_is_known_weigh_on_their_owners_others() {
    let mut book = TrustBook::default();
    let (good, bad, fresh) = (key(1, "a", "finance"), key(2, "a", "finance"), key(3, "a", "finance"));
    for idle in 10..1000 {
        book.registered(AgentId::new(Uuid::from_u128(idle)), [Tie::owner("acme")], start());
    }
    book.registered(good.agent, [Tie::owner("acme")], start());
    book.registered(bad.agent, [Tie::owner("acme")], start());
    book.see(&good, RIGHT, 5, start());
    book.see(&bad, Seen::Violated { severity: crate::decision::Severity::High }, 1, start());
    assert_eq!(book.marked[&Tie::owner("acme")].len(), 2);
    book.registered(fresh.agent, [Tie::owner("acme")], start());
    assert!(book.bound(&fresh, start()) < book.bound(&key(4, "a", "finance"), start()));
    assert_eq!(book.marked[&Tie::owner("acme")].len(), 3, "what it began with weighs on the next one");
}
