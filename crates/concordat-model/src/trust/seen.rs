//! What was seen of an agent, and what that says about it.
//!
//! Only what Concordat observed itself stands here, and what people say who were authenticated; what an agent
//! reports about itself is no evidence.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Evidence, Formula, OUTCOME};
use crate::decision::Severity;
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
        /// The agent's registered price, in percent of an even share of the contract's budget; absent where one of
        /// the two is not set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<u16>,
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
    /// Somebody who was let see its work rated it.
    Rated {
        /// How good it was.
        rating: Rating,
    },
    /// It broke a rule, as policy found, or somebody who answers for that.
    Violated {
        /// How bad that is.
        severity: Severity,
    },
    /// Somebody testified to outcomes that Concordat did not see.
    Testified {
        /// How many good ones; at most [`Seen::MOST_TESTIFIED`] count.
        good: u16,
        /// How many bad ones; at most [`Seen::MOST_TESTIFIED`] count.
        bad: u16,
    },
    /// A skill was tried with its example.
    Probed {
        /// Whether it did what the agent says of it.
        held: bool,
    },
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Completed { latency_ms, allowed_ms, schema, price } => {
                let fit = match schema {
                    Fit::Fits => "a result that fits",
                    Fit::Breaks => "a result that does not fit its schema",
                    Fit::Unchecked => "a result",
                };
                write!(f, "{fit} after {latency_ms} of {allowed_ms} ms")?;
                price.map_or(Ok(()), |price| write!(f, ", for {price} % of its share of the budget"))
            }
            Seen::Failed => f.write_str("an error of its own"),
            Seen::TimedOut => f.write_str("no answer in time"),
            Seen::Malformed => f.write_str("something that is no answer"),
            Seen::UnknownSkill => f.write_str("it does not know a skill that it claims"),
            Seen::Unavailable => f.write_str("it was not there"),
            Seen::BadRequest => f.write_str("it refused what we sent"),
            Seen::Cancelled => f.write_str("we called the work off"),
            Seen::UpstreamFailed => f.write_str("another party failed before it"),
            Seen::Rated { rating } => write!(f, "rated {} of 5", u8::from(*rating)),
            Seen::Violated { severity } => write!(f, "a violation of {} severity", severity.as_str()),
            Seen::Testified { good, bad } => write!(f, "testified: {good} good and {bad} bad outcomes"),
            Seen::Probed { held: true } => f.write_str("its example was done as it says"),
            Seen::Probed { held: false } => f.write_str("its example was not done as it says"),
        }
    }
}

/// How good a contract's work was, from 1 (of no use) to 5 (nothing to wish for).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub struct Rating(#[schemars(range(min = 1, max = 5))] u8);

/// A number that is no rating.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a rating: say 1 (of no use) to 5 (nothing to wish for)")]
pub struct NotARating(u8);

impl TryFrom<u8> for Rating {
    type Error = NotARating;

    fn try_from(rating: u8) -> Result<Rating, NotARating> {
        if (1..=5).contains(&rating) { Ok(Rating(rating)) } else { Err(NotARating(rating)) }
    }
}

impl From<Rating> for u8 {
    fn from(rating: Rating) -> u8 {
        rating.0
    }
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
/// What it proves that a skill was there for its own example: little, and counted once a day at most.
const THERE: u64 = OUTCOME / 20;
/// What a false claim proves.
const FIVE: u64 = 5 * OUTCOME;
/// What a price proves.
const CHEAP: u64 = 3 * OUTCOME / 10;
/// What a person's rating proves.
const TWO: u64 = 2 * OUTCOME;

const NOTHING: Counts = Counts::NONE;

const fn good(weight: u64) -> Counts {
    Counts { good: weight, bad: 0 }
}

const fn bad(weight: u64) -> Counts {
    Counts { good: 0, bad: weight }
}

impl Seen {
    /// The most outcomes of a kind that one testimony counts for.
    pub const MOST_TESTIFIED: u16 = 20;

    /// An answer with a result, after this long of the time that was allowed.
    #[must_use]
    pub fn completed(latency: Duration, allowed: Span, schema: Fit) -> Seen {
        let bounded = |millis: u128| u32::try_from(millis).unwrap_or(u32::MAX);
        Seen::Completed {
            latency_ms: bounded(latency.as_millis()),
            allowed_ms: bounded(allowed.duration().as_millis()),
            schema,
            price: None,
        }
    }

    /// The same answer, from an agent with this price.
    #[must_use]
    pub fn priced(mut self, percent: Option<u16>) -> Seen {
        if let Seen::Completed { price, .. } = &mut self {
            *price = percent;
        }
        self
    }

    /// Whether it broke a rule so badly that it gets no work until somebody has looked.
    #[must_use]
    pub fn is_an_offence(&self) -> bool {
        *self == Seen::Violated { severity: Severity::Critical }
    }

    /// Whether work came out well, where it is work that was seen.
    pub(super) fn success(&self) -> Option<bool> {
        match self {
            Seen::Completed { schema, .. } => Some(*schema != Fit::Breaks),
            Seen::Failed | Seen::TimedOut | Seen::Malformed | Seen::UnknownSkill | Seen::Unavailable => {
                Some(false)
            }
            Seen::BadRequest
            | Seen::Cancelled
            | Seen::UpstreamFailed
            | Seen::Rated { .. }
            | Seen::Violated { .. }
            | Seen::Testified { .. }
            | Seen::Probed { .. } => None,
        }
    }

    /// What it says about the agent by this formula, if it says anything about the agent.
    #[must_use]
    pub fn evidence(&self, formula: Formula) -> Option<Evidence> {
        match formula {
            Formula::Beta1 => self.first(),
            Formula::Beta2 => self.second(),
        }
    }

    /// By the second formula: keeping to policy and the price count too, and people's word does.
    fn second(&self) -> Option<Evidence> {
        match *self {
            Seen::Completed { schema: Fit::Fits | Fit::Unchecked, price, .. } => {
                self.first().map(|seen| Evidence { policy: good(OUTCOME), cost: worth(price), ..seen })
            }
            Seen::UnknownSkill => self.first().map(|seen| Evidence { policy: bad(FIVE), ..seen }),
            Seen::Rated { rating } => {
                let good = TWO * u64::from(rating.0 - 1) / 4;
                Some(Evidence { quality: Counts { good, bad: TWO - good }, ..Evidence::NONE })
            }
            Seen::Violated { severity } => {
                let weight = match severity {
                    Severity::Low => 1,
                    Severity::Medium => 2,
                    Severity::High => 3,
                    Severity::Critical => 4,
                };
                Some(Evidence { policy: bad(FIVE + weight * OUTCOME), ..Evidence::NONE })
            }
            Seen::Testified { good, bad } => {
                let outcomes = |count: u16| u64::from(count.min(Seen::MOST_TESTIFIED)) * OUTCOME;
                let said = Counts { good: outcomes(good), bad: outcomes(bad) };
                let word = Evidence { delivery: said, quality: said, policy: said, ..Evidence::NONE };
                Some(word).filter(|_| !said.is_none())
            }
            Seen::Probed { held: true } => Some(Evidence { delivery: good(THERE), ..Evidence::NONE }),
            Seen::Probed { held: false } => Seen::UnknownSkill.second(),
            _ => self.first(),
        }
    }

    /// By the first formula.
    fn first(&self) -> Option<Evidence> {
        let (delivery, quality, latency) = match *self {
            Seen::Completed { latency_ms, allowed_ms, schema, .. } => match schema {
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
            Seen::BadRequest
            | Seen::Cancelled
            | Seen::UpstreamFailed
            | Seen::Rated { .. }
            | Seen::Violated { .. }
            | Seen::Testified { .. }
            | Seen::Probed { .. } => return None,
        };
        Some(Evidence { delivery, quality, latency, ..Evidence::NONE })
    }
}

/// All good up to an even share of the budget, then falling to all bad at twice that.
///
/// Where no budget or no price is set, nothing was overspent.
fn worth(percent: Option<u16>) -> Counts {
    let left = u64::from(200_u16.saturating_sub(percent.unwrap_or(0)).min(100));
    let good = CHEAP * left / 100;
    Counts { good, bad: CHEAP - good }
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
        Seen::Completed { latency_ms, allowed_ms, schema, price: None }
    }

    #[test]
    fn what_was_seen_said_this_by_the_first_formula() {
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
            let evidence = seen.evidence(Formula::Beta1).unwrap();
            let shown = |counts: Counts| format!("{}/{}", counts.good / 1000, counts.bad / 1000);
            let found = [evidence.delivery, evidence.quality, evidence.latency].map(shown);
            assert_eq!(found, [delivery, quality, latency], "{seen:?}");
        }
    }

    #[test]
    fn what_is_not_the_agents_doing_says_nothing() {
        for seen in [Seen::BadRequest, Seen::Cancelled, Seen::UpstreamFailed] {
            assert_eq!(seen.evidence(Formula::Beta2), None, "{seen:?}");
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
