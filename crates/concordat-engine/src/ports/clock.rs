//! The one place that reads the clock and draws chance.

use concordat_model::payload::Secret;
use jiff::Timestamp;
use uuid::Uuid;

/// Time and fresh ids.
pub trait Clock: Send + Sync {
    /// The time, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// A fresh UUIDv7.
    fn uuid(&self) -> Uuid;

    /// A fresh secret; none when the machine gives no chance.
    fn secret(&self) -> Option<Secret>;
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

    fn secret(&self) -> Option<Secret> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Secret::new(bytes))
    }
}
