//! The clock of the simulation: it goes on over crashes, and ids are drawn from the seed.

use std::sync::Arc;
use std::time::Duration;

use concordat_engine::ports::Clock;
use concordat_model::payload::Secret;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::chance::Chance;

/// Virtual time.
#[derive(Debug, Clone)]
pub(super) struct SimClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// The time at which the present life began.
    base: Timestamp,
    began: Option<Instant>,
    chance: Chance,
}

impl SimClock {
    pub(super) fn new(seed: u64) -> SimClock {
        let base = "2030-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        SimClock(Arc::new(Mutex::new(State { base, began: None, chance: Chance::of(seed, "ids") })))
    }

    /// A life begins.
    pub(super) fn start(&self) {
        self.0.lock().began = Some(Instant::now());
    }

    /// A life is over; the next one begins a little later.
    pub(super) fn stop(&self) {
        let now = self.now();
        let mut state = self.0.lock();
        let pause = state.chance.span(Duration::from_millis(500));
        state.base = now.checked_add(pause).unwrap_or(now);
        state.base = Timestamp::from_microsecond(state.base.as_microsecond()).unwrap_or(now);
        state.began = None;
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let state = self.0.lock();
        let passed = state.began.map_or(Duration::ZERO, |began| began.elapsed());
        let micros = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let now = state.base.as_microsecond().saturating_add(micros);
        Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX)
    }

    fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        let random = self.0.lock().chance.bytes::<10>();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn secret(&self) -> Option<Secret> {
        Some(Secret::new(self.0.lock().chance.bytes::<32>()))
    }
}
