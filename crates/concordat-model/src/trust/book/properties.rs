//! What holds of every history: it replays to the same book, and nobody is trusted more for doing nothing.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::{Fit, Seen, TrustChanged, TrustKey};
use super::TrustBook;
use super::tests::{RIGHT, SLOW, cause, key, start};
use crate::share::Share;

/// Something seen so many times, so many minutes after the thing before; often none, sometimes before it.
type Sight = (TrustKey, Seen, u32, i64);

fn history() -> impl Strategy<Value = Vec<Sight>> {
    let fit = prop_oneof![Just(Fit::Fits), Just(Fit::Fits), Just(Fit::Breaks), Just(Fit::Unchecked)];
    let completed = (any::<u32>(), any::<u32>(), fit).prop_map(|(latency_ms, allowed_ms, schema)| {
        Seen::Completed { latency_ms: latency_ms % 2000, allowed_ms: allowed_ms % 1500, schema, price: None }
    });
    let seen = prop_oneof![
        6 => completed,
        4 => Just(RIGHT),
        2 => Just(SLOW),
        1 => Just(Seen::Failed),
        1 => Just(Seen::TimedOut),
        1 => Just(Seen::Malformed),
        1 => Just(Seen::UnknownSkill),
        1 => Just(Seen::Unavailable),
        1 => Just(Seen::Cancelled),
    ];
    let keys = (
        1..3u128,
        prop::sample::select(vec!["a", "b"]),
        prop::sample::select(vec!["finance", "law", "health"]),
    )
        .prop_map(|(agent, revision, domain)| key(agent, revision, domain));
    let minutes = prop_oneof![3 => Just(0i64), 1 => -90..100_000i64];
    let times = prop_oneof![3 => 1..4u32, 1 => 1..120u32];
    prop::collection::vec((keys, seen, times, minutes), 0..20)
}

/// The book of a history, the changes by which it came about, and when it ended.
fn book_of(history: &[Sight]) -> (TrustBook, Vec<TrustChanged>, Timestamp) {
    let (mut book, mut changes, mut at) = (TrustBook::default(), Vec::new(), start());
    for (key, seen, times, minutes) in history {
        at += SignedDuration::from_mins(*minutes);
        for _ in 0..*times {
            let Some(change) = book.observe(key, *seen, None, cause(), at) else { break };
            book.apply(&change).unwrap();
            changes.push(change);
        }
    }
    (book, changes, at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_log_replays_to_the_same_book(history in history()) {
        let (book, changes, at) = book_of(&history);
        let log = changes.iter().map(|change| crate::digest::canonical(change).unwrap()).collect::<Vec<_>>();
        let mut replayed = TrustBook::default();
        for line in &log {
            let change: TrustChanged = serde_json::from_slice(line).unwrap();
            replayed.apply(&change).unwrap();
            prop_assert_eq!(&crate::digest::canonical(&change).unwrap(), line);
        }
        prop_assert_eq!(&replayed, &book);
        for (key, ..) in &history {
            prop_assert_eq!(replayed.view(key, at), book.view(key, at));
        }
    }

    #[test]
    fn idling_never_raises_trust(history in history(), hours in prop::collection::vec(0..20_000i64, 1..6)) {
        let (book, _, at) = book_of(&history);
        for (key, ..) in &history {
            let was = book.bound(key, book.state(key).since);
            for hours in &hours {
                let is = book.bound(key, at + SignedDuration::from_hours(*hours));
                prop_assert!(is <= was, "{} was {}, is {} after {} h", key, was, is, hours);
            }
        }
    }

    #[test]
    fn idling_passes_no_gate(history in history(), early in 0..20_000i64, later in 0..20_000i64) {
        let (book, _, at) = book_of(&history);
        for (key, ..) in &history {
            let was = book.bound(key, at + SignedDuration::from_hours(early));
            let is = book.bound(key, at + SignedDuration::from_hours(early + later));
            // Below 2000 there is nobody to let in: whoever was never seen to be right can come so far.
            prop_assert!(is <= was.max(2000), "{} was {}, is {}", key, was, is);
        }
    }

    #[test]
    fn any_date_has_a_score(history in history(), second in -377_705_023_201..253_402_207_200i64) {
        let now = Timestamp::from_second(second).unwrap();
        let (mut book, _, _) = book_of(&history);
        for (key, seen, ..) in &history {
            let view = book.view(key, now);
            prop_assert!(view.lower_bound <= view.mean, "{:?}", view);
            book.see(key, *seen, 1, now);
            prop_assert!(book.view(key, start()).lower_bound <= Share::ONE);
        }
    }
}
