//! How long something takes, by the engine's clock.

use std::time::Duration;

use concordat_engine::ports::{Clock, SystemClock};
use jiff::Timestamp;

/// Runs from the moment when it was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Timestamp);

impl Stopwatch {
    pub(super) fn start() -> Stopwatch {
        Stopwatch(SystemClock.now())
    }

    /// How long it has been running; nothing, when the machine's clock was set back.
    pub(super) fn elapsed(self) -> Duration {
        Duration::try_from(SystemClock.now().duration_since(self.0)).unwrap_or_default()
    }
}
