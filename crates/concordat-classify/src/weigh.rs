//! From evidence to a verdict: all the arithmetic, in whole numbers.
//!
//! A rule that matches for the k-th time gives its weight, times the passage's share, divided by 2^(k-1);
//! after the third time it gives nothing. So keywords said over and over add up to 1.75 mentions at most.
//! The points of a domain are the sum over its rules, 100 points being one mention of a rule of weight 1.
//!
//! ```text
//! confidence(d) = E(d)² / (Σ E(i)² + DOUBT²)
//! ```
//!
//! Squares, because a domain with three times the evidence of another is more than three times as likely.
//! DOUBT stands for all that the rules do not know; with little evidence it takes most of the whole. The
//! figure is a fixed function of the evidence. It has not been fitted to real traffic, so it is no probability.
//!
//! A domain is named only if it has FLOOR points (or a rule with `effect: set`), no other domain has more
//! than 60 % of its points, and its confidence is at least one half. Anything else is an abstention.

use concordat_model::classification::{Alternative, Verdict};
use concordat_model::name::DomainName;
use concordat_model::share::Share;

/// The standing doubt, in points.
const DOUBT: u64 = 3500;

/// The least evidence to name a domain, in points.
const FLOOR: u64 = 4500;

/// How near a second domain may come, in percent of the first one's points.
const NEAREST: u64 = 60;

/// How often one rule counts.
pub(crate) const MENTIONS: u32 = 3;

/// The points of one match: `weight` in 1 to 100, `percent` of the passage, the how-manieth `mention` from 0.
pub(crate) fn points(weight: u64, percent: u64, mention: u32) -> u64 {
    if mention < MENTIONS { (weight * percent) >> mention } else { 0 }
}

/// What speaks for one domain.
#[derive(Debug, Clone)]
pub(crate) struct Case<'c> {
    pub(crate) domain: &'c DomainName,
    /// Why a text of this domain is not classified; absent where it is.
    pub(crate) abstain: Option<&'c str>,
    /// Whether the domain gives way to others that have enough evidence.
    pub(crate) yields: bool,
    /// Evidence in points.
    pub(crate) points: u64,
    /// Whether a rule matched that is enough by itself.
    pub(crate) set: bool,
    /// Whether a rule matched that forbids to name the domain.
    pub(crate) vetoed: bool,
}

/// The verdict over the domains that have any evidence, and each one's confidence, strongest first.
pub(crate) fn weigh(mut cases: Vec<Case<'_>>) -> (Verdict, Vec<Alternative>) {
    for case in &mut cases {
        if case.vetoed {
            case.points = 0;
        }
    }
    let another_stands = cases.iter().any(|case| !case.yields && case.abstain.is_none() && case.stands());
    for case in &mut cases {
        if case.yields && another_stands {
            case.points /= 4;
        }
    }
    cases.sort_by(|one, other| other.points.cmp(&one.points).then_with(|| one.domain.cmp(other.domain)));
    let whole = cases.iter().map(Case::squared).sum::<u128>() + square(DOUBT);
    let alternatives: Vec<Alternative> = cases
        .iter()
        .map(|case| Alternative { domain: case.domain.clone(), confidence: share(case.squared(), whole) })
        .collect();
    (verdict(&cases, &alternatives), alternatives)
}

fn verdict(cases: &[Case<'_>], alternatives: &[Alternative]) -> Verdict {
    let abstained = |because: String| Verdict::Abstained { because };
    if let Some(reason) = cases.iter().filter(|case| case.set).find_map(|case| case.abstain) {
        return abstained(reason.to_owned());
    }
    let (Some(first), Some(best)) = (cases.first(), alternatives.first()) else {
        return abstained("nothing in the text speaks for any domain".to_owned());
    };
    let domain = first.domain;
    if first.points == 0 {
        return abstained(format!("what the text says rules out `{domain}`, and nothing speaks for another domain"));
    }
    if let Some(reason) = first.abstain {
        return abstained(reason.to_owned());
    }
    if !first.stands() {
        return abstained(format!("too little in the text speaks for `{domain}`, and less for any other domain"));
    }
    if let Some(second) = cases.get(1).filter(|second| second.points * 100 > first.points * NEAREST) {
        return abstained(format!("the text speaks for `{domain}` and nearly as much for `{}`", second.domain));
    }
    if best.confidence.points() < 5000 {
        return abstained(format!("the text speaks for `{domain}`, but as much for all other domains together"));
    }
    Verdict::Domain { domain: domain.clone(), confidence: best.confidence }
}

impl<'c> Case<'c> {
    /// A domain before anything speaks for it.
    pub(crate) fn of(domain: &'c DomainName, abstain: Option<&'c str>, yields: bool) -> Case<'c> {
        Case { domain, abstain, yields, points: 0, set: false, vetoed: false }
    }

    /// Whether there is enough evidence to name the domain if it stood alone.
    fn stands(&self) -> bool {
        self.points > 0 && (self.points >= FLOOR || self.set)
    }

    fn squared(&self) -> u128 {
        square(self.points)
    }
}

fn square(points: u64) -> u128 {
    u128::from(points) * u128::from(points)
}

/// `part` of `whole` in basis points, rounded down.
fn share(part: u128, whole: u128) -> Share {
    let points = (part * 10_000).checked_div(whole).unwrap_or(0);
    u16::try_from(points).ok().and_then(|points| Share::try_from(points).ok()).unwrap_or(Share::ONE)
}
