//! What was seen of one attempt, and what that says about the agent.
//!
//! Only what Concordat observed itself stands here; what an agent reports about itself is no evidence.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Evidence, OUTCOME};
use crate::span::Span;

/// How one attempt ended, as Concordat saw it.
///
/// Written `"failed"` or `{"completed": {…}}`: a tag inside would let unknown members through beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Seen {
    /// It answered with a result.
    Completed {
        /// How long that took, in milliseconds.
        latency_ms: u32,
        /// How long it could have taken, in milliseconds: the step's timeout.
        allowed_ms: u32,
        /// Whether the result is what was asked for.
        schema: Fit,
    },
    /// It answered with an error of its own.
    Failed,
    /// It did not answer in time.
    TimedOut,
    /// It answered with something that is not an answer.
    Malformed,
    /// It does not know a skill that it claims to have.
    UnknownSkill,
    /// It was not there: the connection was refused, or broke before an answer.
    Unavailable,
    /// It refused parameters that were ours to get right.
    BadRequest,
    /// We called the work off.
    Cancelled,
    /// It could not do the work because another party failed before it.
    UpstreamFailed,
}

/// Whether a result fits the schema that was agreed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It fits.
    Fits,
    /// It does not fit.
    Breaks,
    /// No schema was agreed.
    Unchecked,
}

/// What something proves that may have another cause, or that is one of several such things.
const HALF: u64 = OUTCOME / 2;
/// What a false claim proves.
const FIVE: u64 = 5 * OUTCOME;

const NOTHING: Counts = Counts { good: 0, bad: 0 };

const fn good(weight: u64) -> Counts {
    Counts { good: weight, bad: 0 }
}

const fn bad(weight: u64) -> Counts {
    Counts { good: 0, bad: weight }
}

impl Seen {
    /// An answer with a result, after this long of the time that was allowed.
    #[must_use]
    pub fn completed(latency: Duration, allowed: Span, schema: Fit) -> Seen {
        let bounded = |millis: u128| u32::try_from(millis).unwrap_or(u32::MAX);
        Seen::Completed {
            latency_ms: bounded(latency.as_millis()),
            allowed_ms: bounded(allowed.duration().as_millis()),
            schema,
        }
    }

    /// What it says about the agent, if it says anything about the agent.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let (delivery, quality, latency) = match *self {
            Seen::Completed { latency_ms, allowed_ms, schema } => match schema {
                Fit::Fits => (good(OUTCOME), good(OUTCOME), speed(latency_ms, allowed_ms)),
                // What cannot be used was not delivered, and that it came fast is no merit.
                Fit::Breaks => (bad(OUTCOME), bad(OUTCOME), NOTHING),
                // Nobody looked, so nothing is known about quality.
                Fit::Unchecked => (good(OUTCOME), NOTHING, speed(latency_ms, allowed_ms)),
            },
            Seen::Failed => (bad(OUTCOME), NOTHING, NOTHING),
            Seen::TimedOut => (bad(OUTCOME), NOTHING, bad(HALF)),
            Seen::Malformed => (bad(OUTCOME), bad(OUTCOME), NOTHING),
            Seen::UnknownSkill => (bad(FIVE), bad(FIVE), NOTHING),
            // From here it cannot be told from a fault of the network between us, so it counts half.
            Seen::Unavailable => (bad(HALF), NOTHING, NOTHING),
            Seen::BadRequest | Seen::Cancelled | Seen::UpstreamFailed => return None,
        };
        Some(Evidence { delivery, quality, latency })
    }
}

/// All good up to half of the time that was allowed, then falling to all bad at its end.
///
/// The aim is half the timeout: every answer within a timeout is within it, so the timeout itself would tell
/// the quick and the slow ones apart by nothing.
fn speed(latency_ms: u32, allowed_ms: u32) -> Counts {
    if allowed_ms == 0 {
        return NOTHING;
    }
    let left = u64::from(allowed_ms.saturating_sub(latency_ms));
    let good = (2 * HALF * left / u64::from(allowed_ms)).min(HALF);
    Counts { good, bad: HALF - good }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn completed(latency_ms: u32, allowed_ms: u32, schema: Fit) -> Seen {
        Seen::Completed { latency_ms, allowed_ms, schema }
    }

    #[test]
    fn what_was_seen_says_this_about_an_agent() {
        // Good/bad in thousandths of an outcome.
        for (seen, delivery, quality, latency) in [
            (completed(100, 1000, Fit::Fits), "1000/0", "1000/0", "500/0"),
            (completed(500, 1000, Fit::Fits), "1000/0", "1000/0", "500/0"),
            (completed(750, 1000, Fit::Fits), "1000/0", "1000/0", "250/250"),
            (completed(1000, 1000, Fit::Fits), "1000/0", "1000/0", "0/500"),
            (completed(u32::MAX, 1, Fit::Fits), "1000/0", "1000/0", "0/500"),
            (completed(0, u32::MAX, Fit::Fits), "1000/0", "1000/0", "500/0"),
            (completed(5, 0, Fit::Fits), "1000/0", "1000/0", "0/0"),
            (completed(100, 1000, Fit::Breaks), "0/1000", "0/1000", "0/0"),
            (completed(100, 1000, Fit::Unchecked), "1000/0", "0/0", "500/0"),
            (Seen::Failed, "0/1000", "0/0", "0/0"),
            (Seen::TimedOut, "0/1000", "0/0", "0/500"),
            (Seen::Malformed, "0/1000", "0/1000", "0/0"),
            (Seen::UnknownSkill, "0/5000", "0/5000", "0/0"),
            (Seen::Unavailable, "0/500", "0/0", "0/0"),
        ] {
            let evidence = seen.evidence().unwrap();
            let shown = |counts: Counts| format!("{}/{}", counts.good / 1000, counts.bad / 1000);
            let found = [evidence.delivery, evidence.quality, evidence.latency].map(shown);
            assert_eq!(found, [delivery, quality, latency], "{seen:?}");
        }
    }

    #[test]
    fn what_is_not_the_agents_doing_says_nothing() {
        for seen in [Seen::BadRequest, Seen::Cancelled, Seen::UpstreamFailed] {
            assert_eq!(seen.evidence(), None, "{seen:?}");
        }
    }

    #[test]
    fn lengths_beyond_a_span_are_bounded() {
        assert_eq!(
            Seen::completed(Duration::MAX, Span::seconds(u32::MAX), Fit::Fits),
            completed(u32::MAX, 2_592_000_000, Fit::Fits)
        );
    }

    #[test]
    fn it_is_written_and_read_in_one_form() {
        for (seen, text) in [
            (json!({"completed": {"latency_ms": 9, "allowed_ms": 30_000, "schema": "fits"}}), true),
            (json!("timed_out"), true),
            (
                json!({"completed": {"latency_ms": 9, "allowed_ms": 30_000, "schema": "fits", "bonus": 1}}),
                false,
            ),
            (json!({"completed": {"latency_ms": 9, "allowed_ms": 30_000}}), false),
            (json!({"completed": {"latency_ms": -1, "allowed_ms": 30_000, "schema": "fits"}}), false),
            (json!({"completed": {"latency_ms": 0.5, "allowed_ms": 30_000, "schema": "fits"}}), false),
            (json!({"failed": {"bonus": 1}}), false),
            (json!("excellent"), false),
        ] {
            let read = serde_json::from_value::<Seen>(seen.clone());
            assert_eq!(read.is_ok(), text, "{seen}");
            assert!(read.is_err() || serde_json::to_value(read.unwrap()).unwrap() == seen);
        }
    }
}
