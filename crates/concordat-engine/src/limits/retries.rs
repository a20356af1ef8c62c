//! A retry budget: when much fails at once, retries must not become the load that keeps an agent down.
//!
//! Within a minute an agent gets at most one retry for every five first tries of a skill, and ten at least, so that
//! little work is not held up: what is sent is at most 1.2 times what was asked for, and ten. A retry that finds the
//! budget spent waits until the minute has moved on; see `Capacity` for how long. Undoing is counted and never held
//! up, and what a restart of Concordat interrupted is no retry.

use jiff::Timestamp;

/// The slices of the window.
const SLICES: usize = 6;
/// Seconds of one slice.
const SLICE: i64 = 10;
/// One retry for so many first tries.
const FIRSTS_PER_RETRY: u32 = 5;
/// The retries that are always left to a minute.
const ALWAYS: u32 = 10;

/// What was sent to one agent for one skill during the last minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RetryBudget {
    /// The number of the newest slice, counted from the epoch.
    newest: i64,
    /// Newest first.
    slices: [Sent; SLICES],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sent {
    firsts: u32,
    retries: u32,
}

impl RetryBudget {
    /// How many retries may be sent at this moment.
    pub(crate) fn left(&self, now: Timestamp) -> u32 {
        let Sent { firsts, retries } = self.within(now);
        (firsts / FIRSTS_PER_RETRY).max(ALWAYS).saturating_sub(retries)
    }

    /// When the window has moved far enough that the budget may hold one more; the next slice, or nearly.
    pub(crate) fn next(&self, now: Timestamp) -> Timestamp {
        let slice = now.as_second().div_euclid(SLICE) + 1;
        Timestamp::from_second(slice * SLICE).unwrap_or(Timestamp::MAX)
    }

    /// Counts a call.
    pub(crate) fn sent(&mut self, retry: bool, now: Timestamp) {
        self.move_on(now);
        if let Some(newest) = self.slices.first_mut() {
            let counter = if retry { &mut newest.retries } else { &mut newest.firsts };
            *counter = counter.saturating_add(1);
        }
    }

    /// Whether nothing was sent within the window.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.within(now) == Sent::default()
    }

    fn within(&self, now: Timestamp) -> Sent {
        let mut moved = self.clone();
        moved.move_on(now);
        let sum = |count: fn(&Sent) -> u32| moved.slices.iter().map(count).fold(0, u32::saturating_add);
        Sent { firsts: sum(|sent| sent.firsts), retries: sum(|sent| sent.retries) }
    }

    fn move_on(&mut self, now: Timestamp) {
        let slice = now.as_second().div_euclid(SLICE);
        // A clock that was set back clears the window: that is the end of its counts, and of nobody's patience.
        let passed = slice - self.newest;
        if passed == 0 {
            return;
        }
        let steps = usize::try_from(passed).unwrap_or(SLICES).min(SLICES);
        self.slices.rotate_right(steps % SLICES);
        self.slices.iter_mut().take(steps).for_each(|sent| *sent = Sent::default());
        self.newest = slice;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn one_retry_for_five_first_tries_and_ten_always() {
        for (firsts, retries, left) in
            [(0, 0, 10), (10, 0, 10), (100, 0, 20), (100, 20, 0), (100, 30, 0), (0, 9, 1)]
        {
            let mut budget = RetryBudget::default();
            (0..firsts).for_each(|_| budget.sent(false, at(0)));
            (0..retries).for_each(|_| budget.sent(true, at(0)));
            assert_eq!(budget.left(at(0)), left, "{firsts} {retries}");
            assert_eq!(budget.left(at(60)), 10, "a minute later it is as new");
            assert!(budget.is_fresh(at(60)));
        }
    }

    #[test]
    fn it_moves_on_slice_by_slice() {
        let mut budget = RetryBudget::default();
        (0..10).for_each(|_| budget.sent(true, at(0)));
        assert_eq!((budget.left(at(0)), budget.left(at(49))), (0, 0));
        let next = budget.next(at(0));
        assert!(next > at(0) && next <= at(10));
        // A clock that was set back by hours does not spoil it.
        assert_eq!(budget.left(at(-7200)), 10);
    }

    proptest! {
        /// Whoever asks before each retry never sends more than 1.2 times the first tries, and ten, in a minute.
        #[test]
        fn amplification_is_bounded(calls in proptest::collection::vec((any::<bool>(), 0..3i64), 1..400)) {
            let (mut budget, mut now, mut sent) = (RetryBudget::default(), 0, Vec::new());
            for (retry, pause) in calls {
                now += pause;
                if retry && budget.left(at(now)) == 0 {
                    continue;
                }
                budget.sent(retry, at(now));
                sent.push((now, retry));
                let within =
                    |seconds, kind| sent.iter().filter(|(then, one)| *one == kind && now - then < seconds).count();
                if retry {
                    prop_assert!(within(50, true) <= (within(60, false) / 5).max(10));
                }
            }
        }
    }
}
