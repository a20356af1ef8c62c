//! Places at which a crash test may end the process, so that it dies exactly between two deeds.
//!
//! Without the feature `failpoints`, which only the tests turn on, [`reach`] is an empty function. With it, a point
//! does nothing either until the process itself armed it: the product never does, so it stays deaf to the variable
//! even where Cargo builds it together with the tests.
//!
//! ```text
//!   think ─1─▶ hand over ─▶ queue ─2─▶ sign ─3─▶ BEGIN ─4─▶ COMMIT ─5─▶ ─┬─ 6 ─▶ answer
//!     ▲                                                                  ├─ 7 ─▶ perform
//!     └────────────── reply ◀─9── agent ◀── send ◀─8────────────────────-┘
//! ```

/// Before a turn's records are handed to the store.
pub const BEFORE_HAND_OVER: &str = "engine.before-hand-over";
/// Before the checkpoint of a batch is signed.
pub const BEFORE_SIGN: &str = "store.before-sign";
/// Before the transaction begins.
pub const BEFORE_BEGIN: &str = "store.before-begin";
/// When everything is written and the transaction is about to be committed.
pub const BEFORE_COMMIT: &str = "store.before-commit";
/// When the transaction was committed and nobody knows yet.
pub const AFTER_COMMIT: &str = "store.after-commit";
/// When a submission is durable and its sender has no answer yet.
pub const BEFORE_ANSWER: &str = "engine.before-answer";
/// When an agent's answer is durable and nothing was done about it yet.
pub const AFTER_OUTCOME: &str = "engine.after-outcome";
/// When the intent is durable and no byte has gone to the agent.
pub const BEFORE_SEND: &str = "engine.before-send";
/// When an agent's answer has come and is recorded nowhere.
pub const AFTER_REPLY: &str = "engine.after-reply";

/// Every point, in the order in which a contract comes by.
pub const ALL: [&str; 9] = [
    BEFORE_HAND_OVER,
    BEFORE_SIGN,
    BEFORE_BEGIN,
    BEFORE_COMMIT,
    AFTER_COMMIT,
    BEFORE_ANSWER,
    AFTER_OUTCOME,
    BEFORE_SEND,
    AFTER_REPLY,
];

#[cfg(feature = "failpoints")]
pub use armed::{Unarmed, arm, reach};

/// Nothing: points exist only in tests.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn reach(_point: &str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A point, the visit at which the process ends, and the visits so far.
    type Armed = (&'static str, u64, AtomicU64);

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    /// An order to arm points that cannot be followed.
    #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
    #[error("`{0}` arms no point; hint: write `store.before-commit=17`, with commas between several")]
    pub struct Unarmed(String);

    /// Arms points, once in the life of a process: `store.before-commit=17` ends it at the 17th visit.
    ///
    /// # Errors
    /// There is no such point, the visit is no number from 1, or points were armed before.
    pub fn arm(order: &str) -> Result<(), Unarmed> {
        let points: Option<Vec<Armed>> = order.split(',').map(read).collect();
        let unarmed = || Unarmed(order.to_owned());
        ARMED.set(points.ok_or_else(unarmed)?).map_err(|_| unarmed())
    }

    fn read(part: &str) -> Option<Armed> {
        let (name, visit) = part.trim().split_once('=')?;
        let name = super::ALL.into_iter().find(|point| *point == name)?;
        let visit = visit.parse().ok().filter(|visit| *visit > 0)?;
        Some((name, visit, AtomicU64::new(0)))
    }

    /// Ends the process as a crash does, when the point is armed and this is the visit.
    pub fn reach(point: &str) {
        let armed = ARMED.get().into_iter().flatten().find(|(name, ..)| *name == point);
        if let Some((_, visit, visits)) = armed
            && visits.fetch_add(1, Ordering::Relaxed) + 1 == *visit
        {
            std::process::abort();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn orders_are_read_strictly() {
            for odd in ["", "store.before-commit", "store.before-commit=0", "store.sometime=1", "a=1,"] {
                assert_eq!(arm(odd), Err(Unarmed(odd.to_owned())));
            }
            assert_eq!(
                read("store.before-commit=17").map(|(name, visit, _)| (name, visit)),
                Some((super::super::BEFORE_COMMIT, 17))
            );
        }
    }
}
