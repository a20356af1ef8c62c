//! The one place that reads the clock and draws chance.

use jiff::Timestamp;
use uuid::Uuid;

/// Time and fresh ids.
pub trait Clock: Send + Sync {
    /// The time, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// A fresh UUIDv7.
    fn uuid(&self) -> Uuid;
}

/// The machine's clock and chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the source of ids that everything else is handed")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
