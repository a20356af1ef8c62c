//! A circuit breaker: an agent that keeps failing at a skill is left alone for a while, and then tried once.
//!
//! ```text
//!   closed ──5 of the last 10 failed──► open ──30 s──► half-open: one probe at a time
//!     ▲                                  ▲                │
//!     └────────── the probe came back ───┼────────────────┤
//!                                        └── it failed ◄──┘
//! ```
//!
//! Only what looks like the agent's infrastructure counts: not reached, silent, nonsense. An agent that answers
//! "no" is alive; how good its answers are is for trust to say. Nothing is stored: after a start all are closed.

use std::time::Duration;

use concordat_policy::input::BreakerState;
use jiff::Timestamp;

/// The calls that are remembered.
const REMEMBERED: u32 = 10;
/// So many failures among them open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open before one call may try.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(30);

/// One agent's breaker for one skill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Breaker {
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The last calls, the newest in the lowest bit; a failure is a one.
    Closed {
        last: u32,
    },
    Open {
        since: Timestamp,
    },
    HalfOpen {
        probing: bool,
    },
}

impl Default for State {
    fn default() -> State {
        State::Closed { last: 0 }
    }
}

/// A call that a breaker let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of many.
    Plain,
    /// The one that tries whether the agent is back.
    Probe,
}

/// What a call said about the agent's infrastructure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LifeSign {
    /// It answered, whatever it answered.
    Alive,
    /// It was not reached, was silent, or spoke nonsense.
    Broken,
    /// Nothing: the call was never made, or the agent only had too much to do.
    Untold,
}

impl Breaker {
    /// How it stands, as policy sees it: a half-open breaker whose probe is out lets nobody else pass.
    pub(crate) fn state(&self, now: Timestamp) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::HalfOpen { probing: false } => BreakerState::HalfOpen,
            State::HalfOpen { probing: true } => BreakerState::Open,
            State::Open { since } if rested(since, now) => BreakerState::HalfOpen,
            State::Open { .. } => BreakerState::Open,
        }
    }

    /// When an open breaker lets one call try.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { since } => Some(since.checked_add(OPEN_FOR).unwrap_or(Timestamp::MAX)),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Lets a call pass, if one may.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Option<Pass> {
        match self.state(now) {
            BreakerState::Closed => Some(Pass::Plain),
            BreakerState::Open => None,
            BreakerState::HalfOpen => {
                self.state = State::HalfOpen { probing: true };
                Some(Pass::Probe)
            }
        }
    }

    /// Learns how a call went; tells whether the breaker opened for that.
    pub(crate) fn settle(&mut self, pass: Pass, sign: LifeSign, now: Timestamp) -> bool {
        let before = self.state.clone();
        self.learn(pass, sign, now);
        matches!(self.state, State::Open { .. }) && before != self.state
    }

    fn learn(&mut self, pass: Pass, sign: LifeSign, now: Timestamp) {
        match (&mut self.state, pass, sign) {
            (State::Closed { last }, _, LifeSign::Alive | LifeSign::Broken) => {
                let failed = u32::from(sign == LifeSign::Broken);
                *last = (*last << 1 | failed) & ((1 << REMEMBERED) - 1);
                if last.count_ones() >= FAILURES {
                    self.open(now);
                }
            }
            (State::HalfOpen { .. }, Pass::Probe, LifeSign::Alive) => self.state = State::default(),
            (State::HalfOpen { .. }, Pass::Probe, LifeSign::Broken) => self.open(now),
            (State::HalfOpen { probing }, Pass::Probe, LifeSign::Untold) => *probing = false,
            // What was sent before it opened says nothing about the agent as it is now.
            (State::Open { .. } | State::HalfOpen { .. }, _, _)
            | (State::Closed { .. }, _, LifeSign::Untold) => {}
        }
    }

    /// Whether it says nothing more than a new one.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state == State::default()
    }

    fn open(&mut self, now: Timestamp) {
        self.state = State::Open { since: now };
    }
}

/// Whether an open breaker may try. A clock that was set back opens it early rather than for hours.
fn rested(since: Timestamp, now: Timestamp) -> bool {
    now < since || now.duration_since(since).unsigned_abs() >= OPEN_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    /// Plays calls given as text: `x` fails, `.` succeeds, `-` tells nothing, `|` is thirty seconds.
    fn play(calls: &str) -> (BreakerState, usize) {
        let (mut breaker, mut now, mut let_pass) = (Breaker::default(), 0, 0);
        for call in calls.chars() {
            let sign = match call {
                '|' => {
                    now += 30;
                    continue;
                }
                'x' => LifeSign::Broken,
                '.' => LifeSign::Alive,
                _ => LifeSign::Untold,
            };
            if let Some(pass) = breaker.pass(at(now)) {
                let_pass += 1;
                breaker.settle(pass, sign, at(now));
            }
        }
        (breaker.state(at(now)), let_pass)
    }

    #[test]
    fn it_opens_at_five_of_ten_and_closes_when_a_probe_comes_back() {
        use BreakerState::{Closed, HalfOpen, Open};
        for (calls, state, let_pass) in [
            ("", Closed, 0),
            ("xxxx", Closed, 4),
            ("xxxxx", Open, 5),
            ("xxxxxxxxxx", Open, 5),
            ("x.x.x.x.x", Open, 9),
            ("xxxx......x", Closed, 11),
            ("xxxx-----x", Open, 10),
            ("xxxxx|", HalfOpen, 5),
            ("xxxxx|.", Closed, 6),
            ("xxxxx|.xxxx", Closed, 10),
            ("xxxxx|x", Open, 6),
            ("xxxxx|xxx|x|.", Closed, 8),
            ("xxxxx|-", HalfOpen, 6),
        ] {
            assert_eq!(play(calls), (state, let_pass), "{calls}");
        }
    }

    #[test]
    fn one_probe_is_out_at_a_time() {
        let mut breaker = Breaker::default();
        let opened = (0..5).map(|_| breaker.settle(Pass::Plain, LifeSign::Broken, at(0)));
        assert_eq!(opened.collect::<Vec<_>>(), [false, false, false, false, true]);
        assert_eq!((breaker.until(), breaker.pass(at(29))), (Some(at(30)), None));
        assert_eq!(breaker.pass(at(30)), Some(Pass::Probe));
        assert_eq!((breaker.pass(at(90)), breaker.state(at(90))), (None, BreakerState::Open));
        // What was sent before it opened does not close it.
        breaker.settle(Pass::Plain, LifeSign::Alive, at(91));
        assert_eq!(breaker.pass(at(91)), None);
        breaker.settle(Pass::Probe, LifeSign::Untold, at(92));
        assert_eq!(breaker.pass(at(92)), Some(Pass::Probe));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_open() {
        let mut breaker = Breaker::default();
        assert!((0..5).any(|_| breaker.settle(Pass::Plain, LifeSign::Broken, at(7200))));
        assert_eq!(breaker.pass(at(0)), Some(Pass::Probe));
    }
}
