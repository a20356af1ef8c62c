//! The guard against milking: good work counts for as much as was at stake when it was done.
//!
//! An agent that does well where little is at stake, to be let near what matters, must put in as much as an honest
//! one: two answers at low risk count for one at high risk. At high and critical risk they count only as far as the
//! agent does the same there: a failure, in whatever domain, leaves next to nothing of them, until good work there gives it
//! back. At medium risk a failure is a failure: everybody has some, and to ask people after each would help nobody.
//! And all that was earned at lower risks together counts for no more than [`MOST_FROM_BELOW`] outcomes: enough to be let
//! near, never enough to drown what went wrong there. The weights stand on the reading side: a bound is asked for at a
//! risk, and evidence from lower ones is scaled down to it. One pair of counts for each lower risk is enough for that,
//! where a book for each risk would be four.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Evidence, OUTCOME};
use crate::contract::Risk;

/// How much of the delivery in a state was earned at which risk.
///
/// What stands in none of these counts at every risk: it was earned at critical risk, or nobody noted at which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stakes {
    /// At low risk.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub low: Counts,
    /// At medium risk.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub medium: Counts,
    /// At high risk.
    #[serde(default, skip_serializing_if = "Counts::is_none")]
    pub high: Counts,
}

/// The most outcomes at lower risks that count at a risk.
const MOST_FROM_BELOW: u64 = 25 * OUTCOME;

/// So many good outcomes at a risk give back what one failure there took.
const BETRAYAL: u128 = 64;

/// What an outcome is worth at a risk, in halves of one at low risk.
///
/// Steps that are small on purpose: an agent that nobody lets near critical work must be able to earn it elsewhere.
fn value(risk: Risk) -> u64 {
    match risk {
        Risk::Low => 2,
        Risk::Medium => 3,
        Risk::High => 4,
        Risk::Critical => 5,
    }
}

/// Whether so much is at stake that one failure says more than all that went well where less was.
pub(super) fn is_betrayed_by_failure(risk: Risk) -> bool {
    risk >= Risk::High
}

/// The most that counts of what was earned at lower risks.
///
/// It shows how the agent does where more is at stake only as long as the agent does the same there: each failure there,
/// in whatever field, takes from it, and each good outcome gives some back.
fn most_from_below(risk: Risk, above: Counts) -> u64 {
    if !is_betrayed_by_failure(risk) {
        return MOST_FROM_BELOW;
    }
    let held = u128::from(above.good) + u128::from(OUTCOME);
    let broken = u128::from(above.bad) * BETRAYAL;
    u64::try_from(u128::from(MOST_FROM_BELOW) * held / (held + broken)).unwrap_or(MOST_FROM_BELOW)
}

impl Stakes {
    /// Nothing was at stake, because nothing was done.
    pub const NONE: Stakes = Stakes { low: Counts::NONE, medium: Counts::NONE, high: Counts::NONE };

    /// Whether there is nothing to note.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Stakes::NONE
    }

    /// With so much more delivery at this risk.
    pub(super) fn plus(self, delivery: Counts, risk: Option<Risk>) -> Stakes {
        let mut more = self;
        match risk {
            Some(Risk::Low) => more.low = more.low.plus(delivery),
            Some(Risk::Medium) => more.medium = more.medium.plus(delivery),
            Some(Risk::High) => more.high = more.high.plus(delivery),
            Some(Risk::Critical) | None => {}
        }
        more
    }

    /// What is left of them.
    pub(super) fn faded(self, since: Timestamp, until: Timestamp) -> Stakes {
        if self.is_none() {
            return self;
        }
        // They are carried through the same fading as the evidence that they are a part of.
        let Stakes { low, medium, high } = self;
        let all = Evidence { delivery: low, quality: medium, latency: high, ..Evidence::NONE };
        let left = all.faded(since, until);
        Stakes { low: left.delivery, medium: left.quality, high: left.latency }
    }

    /// So many parts of so many of each: what the evidence was capped to, or inherited of it.
    pub(super) fn part(self, parts: u128, of: u128) -> Stakes {
        let part = |counts: Counts| counts.scaled(parts, of);
        Stakes { low: part(self.low), medium: part(self.medium), high: part(self.high) }
    }

    /// What of this delivery was at stake at this risk or a higher one.
    pub(super) fn above(&self, delivery: Counts, risk: Risk) -> Counts {
        let lower = |(_, at): &(Counts, Risk)| value(*at) < value(risk);
        let below = self.noted().into_iter().filter(lower).fold(Counts::NONE, |sum, (one, _)| sum.plus(one));
        Counts { good: delivery.good.saturating_sub(below.good), bad: delivery.bad.saturating_sub(below.bad) }
    }

    fn noted(&self) -> [(Counts, Risk); 3] {
        [(self.low, Risk::Low), (self.medium, Risk::Medium), (self.high, Risk::High)]
    }

    /// The evidence as it counts at a risk, given what was seen of the agent at that risk or above, in any field.
    pub(super) fn at(&self, evidence: Evidence, risk: Risk, above: Counts) -> Evidence {
        let (mut below, mut counting) = (Counts::NONE, Counts::NONE);
        for (counts, at) in self.noted() {
            if value(at) < value(risk) {
                below = below.plus(counts);
                counting = counting.plus(counts.scaled(value(at).into(), value(risk).into()));
            }
        }
        if below.is_none() {
            return evidence;
        }
        let most = counting.total().min(most_from_below(risk, above));
        let counting = counting.scaled(most.into(), counting.total().max(1).into());
        let Counts { good, bad } = evidence.delivery;
        // Rounding must not make the part more than the whole.
        let counts =
            |all: u64, below: u64, counting: u64| (all - below.min(all)).saturating_add(counting).min(all);
        let good = (counts(good, below.good, counting.good), good.max(1));
        let bad = (counts(bad, below.bad, counting.bad), bad.max(1));
        let scaled = evidence.each(|along| Counts {
            good: Counts { good: along.good, bad: 0 }.scaled(good.0.into(), good.1.into()).good,
            bad: if evidence.delivery.bad == 0 {
                along.bad
            } else {
                Counts { good: 0, bad: along.bad }.scaled(bad.0.into(), bad.1.into()).bad
            },
        });
        // A broken rule counts in full, whatever was at stake.
        Evidence { policy: Counts { bad: evidence.policy.bad, ..scaled.policy }, ..scaled }
    }
}
