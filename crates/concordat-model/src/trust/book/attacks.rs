//! Every kind of evidence in one table, and what each attack on trust gains.

use jiff::SignedDuration;

use super::tests::{DAY, RIGHT, SLOW, cause, key, start};
use super::{Formula, Risk, Seen, TrustBook, TrustChanged, TrustKey};
use crate::agent::Tie;
use crate::decision::Severity;
use crate::trust::{Cause, Counts, Dimension, Fit, Rating, TrustState};

fn completed(schema: Fit, price: Option<u16>) -> Seen {
    Seen::Completed { latency_ms: 750, allowed_ms: 1000, schema, price }
}

impl TrustBook {
    fn work(&mut self, key: &TrustKey, seen: Seen, risk: Risk, times: u32) {
        for _ in 0..times {
            let change = self.observe(key, seen, Some(risk), cause(), start()).unwrap();
            self.apply(&change).unwrap();
        }
    }

    fn bound_at(&self, key: &TrustKey, risk: Risk) -> u16 {
        self.view_at(key, risk, start()).lower_bound.points()
    }
}

/// Good/bad in thousandths of an outcome, or `-`: delivery, quality, latency, policy, cost.
#[test]
fn every_kind_of_evidence_and_everything_that_is_none() {
    let rated = |rating: u8| Seen::Rated { rating: Rating::try_from(rating).unwrap() };
    let violated = |severity| Seen::Violated { severity };
    for (seen, wanted) in [
        (completed(Fit::Fits, None), "1000/0 1000/0 250/250 1000/0 300/0"),
        (completed(Fit::Fits, Some(0)), "1000/0 1000/0 250/250 1000/0 300/0"),
        (completed(Fit::Fits, Some(100)), "1000/0 1000/0 250/250 1000/0 300/0"),
        (completed(Fit::Fits, Some(150)), "1000/0 1000/0 250/250 1000/0 150/150"),
        (completed(Fit::Fits, Some(u16::MAX)), "1000/0 1000/0 250/250 1000/0 0/300"),
        (completed(Fit::Unchecked, None), "1000/0 - 250/250 1000/0 300/0"),
        (completed(Fit::Breaks, None), "0/1000 0/1000 - - -"),
        (Seen::Failed, "0/1000 - - - -"),
        (Seen::TimedOut, "0/1000 - 0/500 - -"),
        (Seen::Malformed, "0/1000 0/1000 - - -"),
        (Seen::UnknownSkill, "0/5000 0/5000 - 0/5000 -"),
        (Seen::Unavailable, "0/500 - - - -"),
        (rated(1), "- 0/2000 - - -"),
        (rated(3), "- 1000/1000 - - -"),
        (rated(5), "- 2000/0 - - -"),
        (violated(Severity::Low), "- - - 0/6000 -"),
        (violated(Severity::Medium), "- - - 0/7000 -"),
        (violated(Severity::High), "- - - 0/8000 -"),
        (violated(Severity::Critical), "- - - 0/9000 -"),
        (Seen::Testified { good: 3, bad: 1 }, "3000/1000 3000/1000 - 3000/1000 -"),
        (Seen::Testified { good: 9999, bad: 0 }, "20000/0 20000/0 - 20000/0 -"),
        (Seen::Testified { good: 0, bad: 0 }, "none"),
        (Seen::Probed { held: true }, "50/0 - - - -"),
        (Seen::Probed { held: false }, "0/5000 0/5000 - 0/5000 -"),
        (Seen::BadRequest, "none"),
        (Seen::Cancelled, "none"),
        (Seen::UpstreamFailed, "none"),
    ] {
        let shown = |counts: Counts| match (counts.good / 1000, counts.bad / 1000) {
            (0, 0) => "-".to_owned(),
            (good, bad) => format!("{good}/{bad}"),
        };
        let told = match seen.evidence(Formula::Beta2) {
            None => "none".to_owned(),
            Some(evidence) => {
                let evidence =
                    [evidence.delivery, evidence.quality, evidence.latency, evidence.policy, evidence.cost];
                evidence.map(shown).join(" ")
            }
        };
        assert_eq!(told, wanted, "{seen:?}");
        // What is no evidence leaves no trace.
        let book = TrustBook::default();
        let change = book.observe(&key(1, "a", "finance"), seen, None, cause(), start());
        assert_eq!(change.is_some(), wanted != "none", "{seen:?}");
    }
}

#[test]
fn a_whitewasher_gains_nothing() {
    let (mut book, owner) = (TrustBook::default(), "shady");
    let [first, second, third] = [1, 2, 3].map(|agent| key(agent, "a", "finance"));
    let unknown = book.bound(&key(9, "a", "finance"), start());
    book.registered(first.agent, [Tie::owner(owner)], start());
    book.see(&first, Seen::Malformed, 10, start());
    let bad = book.bound(&first, start());

    book.registered(second.agent, [Tie::owner(owner)], start());
    assert!(book.bound(&second, start()) <= bad.min(unknown), "a new name starts no better");
    // With the same work afterwards it is trusted no further than it would have been under its old name.
    let (mut honest, mut washed) = (book.clone(), book.clone());
    for worked in [5, 20, 50] {
        honest.see(&first, RIGHT, worked, start());
        washed.see(&second, RIGHT, worked, start());
        let [old, new] = [honest.bound(&first, start()), washed.bound(&second, start())];
        assert!(new <= old, "{worked}: {new} as the new one, {old} as the old one");
    }
    // And again: the record goes along, together with what was added to it. Elsewhere it is expected to fail, too.
    book.see(&second, Seen::Malformed, 10, start());
    book.registered(third.agent, [Tie::owner(owner)], start());
    assert!(book.bound(&third, start()) <= book.bound(&second, start()));
    let elsewhere = key(3, "a", "law");
    assert!(book.bound(&elsewhere, start()) < unknown / 10, "{}", book.bound(&elsewhere, start()));
    // A new revision does not help either.
    let revised = key(1, "b", "finance");
    assert!(book.bound(&revised, start()) <= bad);
}

/// Another owner's name washes nothing off where the party is known by something that it cannot choose: where it answers,
/// or the key that its card is signed with. An agent that moves in with a bad party shares its record, too.
#[test]
fn a_whitewasher_is_known_by_more_than_the_name_of_its_owner() {
    let (here, there) = (Tie::origin("https://a.example"), Tie::origin("https://b.example"));
    let signed = Tie::card_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----");
    let named = |owner: &str, ties: &[&Tie]| -> Vec<Tie> {
        ties.iter().copied().cloned().chain([Tie::owner(owner)]).collect()
    };
    let mut book = TrustBook::default();
    let bad = key(1, "a", "finance");
    book.registered(bad.agent, named("shady", &[&here, &signed]), start());
    book.see(&bad, Seen::Malformed, 10, start());
    let unknown = book.bound(&key(99, "a", "finance"), start());
    for (nth, (ties, inherits)) in [
        (named("shady", &[&there]), true),
        (named("fresh", &[&here]), true),
        (named("fresh", &[&there, &here]), true),
        (named("fresh", &[&there, &signed]), true),
        (named("fresh", &[&there]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut book, new) = (book.clone(), key(10 + nth as u128, "a", "finance"));
        book.registered(new.agent, ties.clone(), start());
        assert_eq!(book.bound(&new, start()) < unknown, inherits, "{ties:?}");
    }
    let moved = key(2, "a", "finance");
    book.registered(moved.agent, named("fresh", &[&there]), start());
    assert_eq!(book.bound(&moved, start()), unknown);
    book.registered(moved.agent, named("fresh", &[&here]), start());
    assert!(book.bound(&moved, start()) < unknown, "who moves in shares the record");
    let before = book.bound(&moved, start());
    book.registered(moved.agent, named("fresh", &[&there]), start());
    assert_eq!(book.bound(&moved, start()), before, "and keeps it when it moves out");
}

#[test]
fn a_good_owner_lends_nobody_a_good_name() {
    let (mut book, owner) = (TrustBook::default(), "acme");
    let [known, new] = [1, 2].map(|agent| key(agent, "a", "finance"));
    let unknown = book.bound(&new, start());
    book.registered(known.agent, [Tie::owner(owner)], start());
    book.see(&known, RIGHT, 190, start());
    book.see(&known, Seen::Failed, 10, start());
    book.registered(new.agent, [Tie::owner(owner)], start());
    assert!(book.bound(&new, start()) <= unknown);
    // One failure in twenty is half a failure on the new one's record: it earns trust nearly like anybody.
    book.see(&new, RIGHT, 20, start());
    assert!(book.bound(&new, start()) > 7_000, "{}", book.bound(&new, start()));
}

#[test]
fn agents_that_were_registered_together_owe_each_other_nothing() {
    let mut book = TrustBook::default();
    let [one, other] = [1, 2].map(|agent| key(agent, "a", "finance"));
    book.registered(one.agent, [Tie::owner("acme")], start());
    book.registered(other.agent, [Tie::owner("acme")], start());
    let before = book.view(&other, start());
    book.see(&one, Seen::Malformed, 50, start());
    assert_eq!(book.view(&other, start()), before);
}

#[test]
fn a_milker_pays_for_every_tier() {
    // So many right answers at one risk pass the gates of the default policy at another.
    let mut wrong = Vec::new();
    let gates = [(Risk::Medium, 5_000), (Risk::High, 7_000), (Risk::Critical, 8_000)];
    for (at, wanted) in [
        (Risk::Low, [9, 27, 56]),
        (Risk::Medium, [6, 18, 38]),
        (Risk::High, [6, 14, 28]),
        (Risk::Critical, [6, 14, 23]),
    ] {
        let found = gates.map(|(asked, gate)| {
            let (mut book, milker) = (TrustBook::default(), key(1, "a", "finance"));
            (1..400)
                .find(|_| {
                    book.work(&milker, RIGHT, at, 1);
                    book.bound_at(&milker, asked) >= gate
                })
                .unwrap()
        });
        wrong.extend((found != wanted).then(|| format!("{at:?}: {found:?}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_milker_that_cheats_once_where_it_matters_is_out() {
    let (mut book, milker) = (TrustBook::default(), key(1, "a", "finance"));
    book.work(&milker, RIGHT, Risk::Low, 35);
    assert!(book.bound_at(&milker, Risk::High) >= 7_000);
    // Three contracts are out at the same time, and it cheats in all of them.
    book.work(&milker, completed(Fit::Breaks, None), Risk::High, 1);
    let once = book.bound_at(&milker, Risk::High);
    book.work(&milker, completed(Fit::Breaks, None), Risk::High, 2);
    // No cheap work gets it there again: what it does where little is at stake has shown to say nothing of that.
    let again = (1..400).find(|_| {
        book.work(&milker, RIGHT, Risk::Low, 1);
        book.bound_at(&milker, Risk::High) >= 7_000
    });
    assert!(once < 2_000, "{once}");
    assert_eq!(again, None);
    // Good work where it matters does.
    book.work(&milker, RIGHT, Risk::High, 40);
    assert!(book.bound_at(&milker, Risk::High) >= 7_000, "{}", book.bound_at(&milker, Risk::High));
}

#[test]
fn a_milker_that_goes_on_with_cheap_work_stays_out() {
    let (mut book, milker) = (TrustBook::default(), key(1, "a", "finance"));
    book.work(&milker, RIGHT, Risk::Low, 200);
    let cheats = (0..20).find(|_| {
        let out = book.bound_at(&milker, Risk::High) < 7_000;
        if !out {
            book.work(&milker, completed(Fit::Breaks, None), Risk::High, 1);
        }
        out
    });
    assert_eq!(cheats, Some(1));
    book.work(&milker, RIGHT, Risk::Low, 5_000);
    assert!(book.bound_at(&milker, Risk::High) < 7_000, "no amount of cheap work outweighs it");
    assert!(book.bound_at(&milker, Risk::Low) > 9_000, "where little is at stake it is what it is");
}

#[test]
fn who_cheats_where_it_matters_in_one_domain_is_out_in_every_other() {
    let (mut book, [here, there]) = (TrustBook::default(), ["finance", "law"].map(|name| key(1, "a", name)));
    book.work(&there, RIGHT, Risk::Low, 200);
    book.work(&here, RIGHT, Risk::Low, 200);
    let before = [Risk::Low, Risk::High].map(|risk| book.bound_at(&there, risk));
    assert!(before[1] >= 7_000, "{before:?}");
    book.work(&here, completed(Fit::Breaks, None), Risk::High, 1);
    let after = [Risk::Low, Risk::High].map(|risk| book.bound_at(&there, risk));
    assert!(after[0] > 9_000 && after[1] < 2_000, "{after:?}");
}

#[test]
fn who_does_well_where_it_matters_may_fail_there_once() {
    let (mut book, agent) = (TrustBook::default(), key(1, "a", "finance"));
    book.work(&agent, RIGHT, Risk::Low, 200);
    book.work(&agent, RIGHT, Risk::High, 30);
    book.work(&agent, Seen::Failed, Risk::High, 1);
    assert!(book.bound_at(&agent, Risk::High) >= 7_000, "{}", book.bound_at(&agent, Risk::High));
}

#[test]
fn the_bound_never_rises_with_the_risk() {
    let (mut book, agent) = (TrustBook::default(), key(1, "a", "finance"));
    for (risk, times) in [(Risk::Low, 30), (Risk::Medium, 10), (Risk::High, 5), (Risk::Critical, 2)] {
        book.work(&agent, RIGHT, risk, times);
        let bounds =
            [Risk::Low, Risk::Medium, Risk::High, Risk::Critical].map(|risk| book.bound_at(&agent, risk));
        assert!(bounds.is_sorted_by(|lower, higher| lower >= higher), "{bounds:?}");
    }
}

#[test]
fn colluding_raters_weigh_little_beside_what_was_seen() {
    // Twenty friends give five stars to an agent that breaks its schema every second time.
    let (mut book, friend) = (TrustBook::default(), key(1, "a", "finance"));
    for _ in 0..10 {
        book.see(&friend, RIGHT, 1, start());
        book.see(&friend, completed(Fit::Breaks, None), 1, start());
    }
    let alone = book.bound(&friend, start());
    book.see(&friend, Seen::Rated { rating: Rating::try_from(5).unwrap() }, 20, start());
    let lifted = book.bound(&friend, start());
    book.see(&friend, Seen::Rated { rating: Rating::try_from(5).unwrap() }, 1_000, start());
    let most = book.bound(&friend, start());
    assert_eq!((alone, lifted, most), (3_740, 5_025, 5_610), "a thousand open no gate at high risk");
    // Nobody makes an agent known by rating it alone.
    let (mut book, unseen) = (TrustBook::default(), key(2, "a", "finance"));
    book.see(&unseen, Seen::Rated { rating: Rating::try_from(5).unwrap() }, 1_000, start());
    assert!(book.bound(&unseen, start()) < 1_000, "{}", book.bound(&unseen, start()));
}

#[test]
fn idling_lifts_nobody_at_any_risk() {
    for (seen, times) in
        [(Seen::Malformed, 20), (SLOW, 100), (Seen::Violated { severity: Severity::High }, 2)]
    {
        let (mut book, agent) = (TrustBook::default(), key(1, "a", "finance"));
        book.work(&agent, RIGHT, Risk::Low, 30);
        book.work(&agent, seen, Risk::High, times);
        for risk in [Risk::Low, Risk::Medium, Risk::High, Risk::Critical] {
            let was = book.bound_at(&agent, risk);
            for days in [1, 10, 30, 60, 120, 365, 3_650] {
                let idle = book.view_at(&agent, risk, start() + DAY * days).lower_bound.points();
                assert!(idle <= was, "{seen:?} at {risk:?}: {idle} after {days} days, {was} before");
            }
        }
    }
}

#[test]
fn violations_fade_half_as_fast() {
    let (mut book, agent) = (TrustBook::default(), key(1, "a", "finance"));
    book.see(&agent, Seen::Failed, 8, start());
    book.see(&agent, Seen::Violated { severity: Severity::High }, 1, start());
    let state: TrustState = book.state(&agent);
    let left = state.faded(start() + DAY * 60);
    assert_eq!((left.delivery.bad, left.policy.bad), (2_000_000, 4_000_000));
}

#[test]
fn a_shaken_domain_opens_choosing_and_lifts_no_bound() {
    let (mut book, [old, new]) = (TrustBook::default(), [1, 2].map(|agent| key(agent, "a", "finance")));
    book.see(&old, RIGHT, 200, start());
    let settled = book.belief(&old, start());
    book.see(&old, Seen::Malformed, 12, start());
    assert!(book.drift(&old.domain).shaken, "{:?}", book.drift(&old.domain));
    let bound = book.bound(&new, start());
    let [shaken, unknown] = [&old, &new].map(|key| book.belief(key, start()));
    assert!(shaken.delivery.total() < settled.delivery.total() / 7, "{shaken:?}");
    assert!(unknown.mean() > crate::trust::Belief::PRIOR.mean(), "the unknown get a chance");
    assert_eq!(bound, TrustBook::default().bound(&new, start()), "and policy is told what it always was");
    let other = key(1, "a", "law");
    assert!(!book.drift(&other.domain).shaken);
}

#[test]
fn what_is_frozen_neither_learns_nor_forgets() {
    let (mut book, agent) = (TrustBook::default(), key(1, "a", "finance"));
    book.see(&agent, RIGHT, 20, start());
    book.freeze(Some(start() + SignedDuration::from_mins(5)));
    let [view, belief] =
        [format!("{:?}", book.view(&agent, start())), format!("{:?}", book.belief(&agent, start()))];
    assert_eq!(book.observe(&agent, RIGHT, None, cause(), start() + DAY), None);
    book.freeze(Some(start() + DAY * 50));
    for days in [1, 30, 300] {
        let now = start() + DAY * days;
        assert_eq!(format!("{:?}", book.view(&agent, now)), view, "{days} days");
        assert_eq!(format!("{:?}", book.belief(&agent, now)), belief, "{days} days");
    }
    book.freeze(None);
    assert_ne!(format!("{:?}", book.view(&agent, start() + DAY * 30)), view);
    assert!(book.observe(&agent, RIGHT, None, cause(), start() + DAY).is_some());
}

/// A change as the first version of the program wrote it: it must load, and count for as much as it did.
#[test]
fn what_the_first_formula_wrote_is_read_for_ever() {
    let counts = |good: u64, bad: u64| serde_json::json!({"good": good, "bad": bad});
    let none = counts(0, 0);
    let here = key(1, "a", "finance");
    let change = serde_json::json!({
        "key": here,
        "seen": {"completed": {"latency_ms": 10, "allowed_ms": 1000, "schema": "fits"}},
        "cause": cause(),
        "before": {"evidence": {"delivery": none, "quality": none, "latency": none}, "since": "1970-01-01T00:00:00Z"},
        "after": {
            "evidence": {
                "delivery": counts(1_000_000, 0), "quality": counts(1_000_000, 0), "latency": counts(500_000, 0),
            },
            "since": "2026-05-01T13:00:00Z",
        },
        "formula": "beta/1",
    });
    let read: TrustChanged = serde_json::from_value(change.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), change, "and it is written as it was");
    let mut book = TrustBook::default();
    book.registered(here.agent, [Tie::owner("acme")], start());
    book.apply(&read).unwrap();
    // The second formula goes on from there.
    book.work(&here, RIGHT, Risk::Low, 1);
    let state = book.state(&here);
    assert_eq!(
        (state.evidence.delivery.good, state.evidence.policy.good, state.stakes.low.good),
        (2_000_000, 1_000_000, 1_000_000)
    );
    assert!(matches!(read.cause, Cause::Attempt(_)));
    assert_eq!(Dimension::ALL.len(), 5);
}
