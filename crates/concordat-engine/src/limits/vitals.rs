//! What happened at one agent, or at one instance of it, within the last minutes: counted in memory that does not grow.
//!
//! Time is cut into slices of a minute; the oldest goes when a new one comes. A slice counts results by how long they
//! took, in buckets a quarter of an octave wide, and what was no result by its kind. An agent that did nothing costs
//! nothing.

use std::collections::VecDeque;
use std::time::Duration;

use concordat_model::contract::FailureKind;
use concordat_model::share::Share;
use concordat_policy::input::{Errors, Health};
use jiff::Timestamp;

use crate::ports::{Arrival, Fault};

/// How long a slice is, in seconds, and how many there are.
const SLICE: i64 = 60;
const SLICES: usize = 5;
/// Four to an octave, up to more than an hour.
const BUCKETS: usize = 88;

/// How a call ended, as far as the agent had a part in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Result,
    Timeout,
    Unavailable,
    Busy,
    Refused,
    Malformed,
    Failed,
}

impl Ended {
    pub(crate) const ALL: [Ended; 7] = [
        Ended::Result,
        Ended::Timeout,
        Ended::Unavailable,
        Ended::Busy,
        Ended::Refused,
        Ended::Malformed,
        Ended::Failed,
    ];

    /// Its word, as policy and figures have it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Ended::Result => "result",
            Ended::Timeout => "timeout",
            Ended::Unavailable => "unavailable",
            Ended::Busy => "busy",
            Ended::Refused => "refused",
            Ended::Malformed => "malformed",
            Ended::Failed => "failed",
        }
    }

    /// What an arrival says about that; nothing, where nothing was sent because of us.
    pub(crate) fn of(arrival: &Arrival) -> Option<Ended> {
        Some(match arrival {
            Arrival::Completed(_) | Arrival::Asked { .. } => Ended::Result,
            Arrival::Unknown { .. } => Ended::Timeout,
            Arrival::Failed { kind, fault, code, .. } => match (fault, kind) {
                (Fault::Nobody, _) if *code == "agent-busy" => Ended::Busy,
                (Fault::Nobody, _) => return None,
                (Fault::Ours | Fault::FalseClaim, _) => Ended::Refused,
                (Fault::Unreachable, _) | (Fault::Agent, FailureKind::Unavailable) => Ended::Unavailable,
                (Fault::Agent, FailureKind::Timeout) => Ended::Timeout,
                (Fault::Agent, FailureKind::Malformed) => Ended::Malformed,
                (Fault::Agent, FailureKind::Failed) => Ended::Failed,
            },
        })
    }
}

/// What happened lately.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    slices: VecDeque<Slice>,
}

#[derive(Debug)]
struct Slice {
    /// Its number, counted from the beginning of time.
    number: i64,
    results: u32,
    errors: Errors,
    took: Box<[u16; BUCKETS]>,
}

impl Vitals {
    /// One more call ended.
    pub(crate) fn note(&mut self, ended: Ended, took: Duration, now: Timestamp) {
        self.forget(now);
        let number = number(now);
        // A clock that was set back counts to the newest slice.
        if self.slices.back().is_none_or(|last| last.number < number) {
            self.slices.push_back(Slice::new(number));
        }
        let Some(slice) = self.slices.back_mut() else { return };
        let errors = &mut slice.errors;
        let count = match ended {
            Ended::Result => {
                slice.take(took);
                &mut slice.results
            }
            Ended::Timeout => &mut errors.timeout,
            Ended::Unavailable => &mut errors.unavailable,
            Ended::Busy => &mut errors.busy,
            Ended::Refused => &mut errors.refused,
            Ended::Malformed => &mut errors.malformed,
            Ended::Failed => &mut errors.failed,
        };
        *count = count.saturating_add(1);
    }

    /// What that comes to; nothing, where nothing happened.
    pub(crate) fn health(&self, now: Timestamp) -> Option<Health> {
        let mut took = [0_u64; BUCKETS];
        for slice in self.lately(now) {
            took.iter_mut().zip(slice.took.iter()).for_each(|(sum, count)| *sum += u64::from(*count));
        }
        let (calls, errors) = self.counts(now);
        let error_rate = Share::of(f64::from(errors.sum()) / f64::from(calls.max(1)));
        let [p50_ms, p95_ms, p99_ms] = [500, 950, 990].map(|permille| quantile(&took, permille));
        (calls > 0).then_some(Health { calls, error_rate, errors, p50_ms, p95_ms, p99_ms })
    }

    /// How many calls there were, and what those came to that brought no result.
    pub(crate) fn counts(&self, now: Timestamp) -> (u32, Errors) {
        let (mut results, mut errors) = (0_u32, Errors::default());
        for slice in self.lately(now) {
            results = results.saturating_add(slice.results);
            errors = added(errors, slice.errors);
        }
        (results.saturating_add(errors.sum()), errors)
    }

    fn lately(&self, now: Timestamp) -> impl Iterator<Item = &Slice> {
        let first = first(now);
        self.slices.iter().filter(move |slice| slice.number >= first)
    }

    /// Whether there is nothing left to tell.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.slices.back().is_none_or(|last| last.number < first(now))
    }

    fn forget(&mut self, now: Timestamp) {
        while self.slices.front().is_some_and(|oldest| oldest.number < first(now)) {
            self.slices.pop_front();
        }
    }
}

impl Slice {
    fn new(number: i64) -> Slice {
        Slice { number, results: 0, errors: Errors::default(), took: Box::new([0; BUCKETS]) }
    }

    fn take(&mut self, took: Duration) {
        let Some(count) = self.took.get_mut(bucket(took)) else { return };
        *count += 1;
        // Only the shape counts: what would overflow is halved with all else.
        if *count == u16::MAX {
            self.took.iter_mut().for_each(|count| *count /= 2);
        }
    }
}

fn number(now: Timestamp) -> i64 {
    now.as_second().div_euclid(SLICE)
}

/// The oldest slice that counts.
fn first(now: Timestamp) -> i64 {
    number(now).saturating_sub(i64::try_from(SLICES).unwrap_or(0) - 1)
}

fn added(one: Errors, other: Errors) -> Errors {
    Errors {
        timeout: one.timeout.saturating_add(other.timeout),
        unavailable: one.unavailable.saturating_add(other.unavailable),
        busy: one.busy.saturating_add(other.busy),
        refused: one.refused.saturating_add(other.refused),
        malformed: one.malformed.saturating_add(other.malformed),
        failed: one.failed.saturating_add(other.failed),
    }
}

/// The bucket of a length of time: each millisecond below four, and then four to an octave.
fn bucket(took: Duration) -> usize {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let Some(octave) = millis.checked_ilog2().filter(|octave| *octave >= 2) else {
        return usize::try_from(millis).unwrap_or(0);
    };
    let quarter = (millis >> (octave - 2)) & 3;
    let place = u64::from(octave - 1) * 4 + quarter;
    usize::try_from(place).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The longest time that falls into a bucket, in milliseconds.
fn longest(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    match (bucket / 4, bucket % 4) {
        (0, quarter) => quarter,
        (octave, quarter) => ((5 + quarter) << (octave - 1)) - 1,
    }
}

/// The time within which so many of a thousand came.
fn quantile(took: &[u64; BUCKETS], permille: u64) -> u64 {
    let all: u64 = took.iter().sum();
    let wanted = (all * permille).div_ceil(1000);
    let mut seen = 0;
    let found = took.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    if all == 0 { 0 } else { longest(found.unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_040 + seconds).unwrap()
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_bucket_is_at_most_a_quarter_too_long() {
        for n in (0..5_000).chain([65_535, 65_536, 3_600_000]) {
            let told = longest(bucket(millis(n)));
            assert!((n..=n + n / 4).contains(&told), "{n} ms is told as {told} ms");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_and_errors_are_told_and_fade() {
        let mut vitals = Vitals::default();
        assert_eq!((vitals.health(at(0)), vitals.is_over(at(0))), (None, true));
        for n in 1..=100 {
            vitals.note(Ended::Result, millis(n), at(0));
        }
        for ended in [Ended::Timeout, Ended::Failed, Ended::Failed, Ended::Busy] {
            vitals.note(ended, millis(9_000), at(70));
        }
        let health = vitals.health(at(70)).unwrap();
        assert_eq!((health.calls, health.errors.sum(), health.error_rate.points()), (104, 4, 385));
        assert_eq!((health.errors.failed, health.errors.timeout, health.errors.busy), (2, 1, 1));
        assert_eq!((health.p50_ms, health.p95_ms, health.p99_ms), (55, 95, 111), "what failed took no time");
        let later = vitals.health(at(310)).unwrap();
        assert_eq!((later.calls, later.error_rate, later.p99_ms), (4, Share::ONE, 0));
        assert_eq!((vitals.health(at(400)), vitals.is_over(at(400))), (None, true));
        // Memory does not grow with time.
        for minute in 0..100 {
            vitals.note(Ended::Result, millis(1), at(60 * minute));
        }
        assert_eq!(vitals.slices.len(), SLICES);
    }

    #[test]
    fn many_of_them_keep_their_shape() {
        let mut vitals = Vitals::default();
        for n in 0..200_000 {
            vitals.note(Ended::Result, millis(if n % 10 == 0 { 500 } else { 3 }), at(0));
        }
        let health = vitals.health(at(1)).unwrap();
        assert_eq!((health.calls, health.p50_ms, health.p95_ms), (200_000, 3, 511));
    }
}
