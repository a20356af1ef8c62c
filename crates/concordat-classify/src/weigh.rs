//! From evidence to a verdict: all the arithmetic, in whole numbers.
//!
//! A rule that matches for the k-th time gives its weight, times what its passage counts, divided by 4^(k-1);
//! after the third time it gives nothing. So a keyword said over and over adds up to 1.31 mentions at most.
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
//!
//! A domain that yields, such as `generic`, counts a quarter as soon as another domain could be named by
//! itself and has at least half as many points: "translate the patient's discharge letter" is healthcare.

use concordat_model::classification::{Alternative, Verdict};
use concordat_model::name::DomainName;
use concordat_model::share::Share;

/// The standing doubt, in points.
const DOUBT: u64 = 3500;

/// The least evidence to name a domain, in points.
const FLOOR: u64 = 5000;

/// How near a second domain may come, in percent of the first one's points.
const NEAREST: u64 = 60;

/// How often one rule counts.
pub(crate) const MENTIONS: u32 = 3;

/// The points of one match: `weight` in 1 to 100, `percent` of the passage, the how-manieth `mention` from 0.
pub(crate) fn points(weight: u64, percent: u64, mention: u32) -> u64 {
    if mention < MENTIONS { (weight * percent) >> (2 * mention) } else { 0 }
}

/// What speaks for one domain.
#[derive(Debug, Clone)]
pub(crate) struct Case<'c> {
    pub(crate) domain: &'c DomainName,
    /// Why a text of this domain is not classified; absent where it is.
    pub(crate) abstain: Option<&'c str>,
    /// Whether the domain gives way to others that have enough evidence.
    pub(crate) yields: bool,
    /// Evidence in points. A file has at most 20,000 nodes, so this stays far below 2^40.
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
    let strongest = cases.iter().filter(|case| !case.yields && case.abstain.is_none() && case.stands());
    let strongest = strongest.map(|case| case.points).max().unwrap_or(0);
    for case in &mut cases {
        if case.yields && strongest * 2 >= case.points {
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
        return abstained(format!(
            "what the text says rules out `{domain}`, and nothing speaks for another domain"
        ));
    }
    if let Some(reason) = first.abstain {
        return abstained(reason.to_owned());
    }
    if !first.stands() {
        return abstained(format!(
            "too little in the text speaks for `{domain}`, and less for any other domain"
        ));
    }
    if let Some(second) = cases.get(1).filter(|second| second.points * 100 > first.points * NEAREST) {
        return abstained(format!(
            "the text speaks for `{domain}` and nearly as much for `{}`",
            second.domain
        ));
    }
    if best.confidence.points() < 5000 {
        return abstained(format!(
            "the text speaks for `{domain}`, but as much for all other domains together"
        ));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases as `name points flags`, where a flag is `set`, `veto`, `yields` or `outside`.
    fn check(cases: &[&str], expected: &str) {
        let read: Vec<(DomainName, u64, Vec<&str>)> = cases
            .iter()
            .map(|case| {
                let mut words = case.split(' ');
                let domain = words.next().unwrap().parse().unwrap();
                (domain, words.next().unwrap().parse().unwrap(), words.collect())
            })
            .collect();
        let cases = read.iter().map(|(domain, points, flags)| Case {
            points: *points,
            set: flags.contains(&"set"),
            vetoed: flags.contains(&"veto"),
            ..Case::of(domain, flags.contains(&"outside").then_some("outside"), flags.contains(&"yields"))
        });
        let (verdict, alternatives) = weigh(cases.collect());
        let verdict = match verdict {
            Verdict::Domain { domain, confidence } => format!("{domain} {}", confidence.points()),
            Verdict::Abstained { because } => because,
        };
        let others: Vec<String> = alternatives
            .iter()
            .map(|other| format!("{} {}", other.domain, other.confidence.points()))
            .collect();
        assert_eq!(format!("{verdict}; {}", others.join(", ")), expected);
    }

    #[test]
    fn a_domain_with_enough_evidence_is_named() {
        check(&["a 5000"], "a 6711; a 6711");
        check(&["a 10000"], "a 8908; a 8908");
        check(&["a 40000", "b 5000"], "a 9772; a 9772, b 152");
        check(&["b 20000", "a 12000"], "b 7191; b 7191, a 2588");
        check(&["a 4000 set"], "a 5663; a 5663");
    }

    #[test]
    fn thin_and_mixed_evidence_gets_an_abstention() {
        check(&[], "nothing in the text speaks for any domain; ");
        check(&["a 4999"], "too little in the text speaks for `a`, and less for any other domain; a 6710");
        check(&["a 20000", "b 12001"], "the text speaks for `a` and nearly as much for `b`; a 7190, b 2589");
        check(&["b 9000", "a 9000"], "the text speaks for `a` and nearly as much for `b`; a 4648, b 4648");
        check(
            &["a 10000", "b 6000", "c 6000", "d 6000"],
            "the text speaks for `a`, but as much for all other domains together; a 4540, b 1634, c 1634, d 1634",
        );
        check(&["a 3000 set"], "the text speaks for `a`, but as much for all other domains together; a 4235");
    }

    #[test]
    fn fields_without_a_domain_argue_for_an_abstention() {
        check(&["x 9000 outside", "a 5000"], "outside; x 6849, a 2114");
        check(
            &["x 4000 outside", "a 5000"],
            "the text speaks for `a` and nearly as much for `x`; a 4694, x 3004",
        );
        check(&["x 100 outside set", "a 90000"], "outside; a 9984, x 0");
    }

    #[test]
    fn a_veto_takes_a_domain_out() {
        check(&["a 9000 veto", "b 6000"], "b 7461; b 7461, a 0");
        check(
            &["a 9000 veto"],
            "what the text says rules out `a`, and nothing speaks for another domain; a 0",
        );
    }

    #[test]
    fn a_domain_may_yield_to_others() {
        check(&["g 10000 yields"], "g 8908; g 8908");
        check(&["g 10000 yields", "a 5000"], "a 5747; a 5747, g 1436");
        check(&["g 10000 yields", "a 4900"], "g 7338; g 7338, a 1762");
        check(&["g 20000 yields", "a 6000"], "g 8923; g 8923, a 803");
    }

    #[test]
    fn saying_it_again_counts_less() {
        assert_eq!(
            (0..5).map(|mention| points(40, 100, mention)).collect::<Vec<_>>(),
            [4000, 1000, 250, 0, 0]
        );
        assert_eq!(points(100, 40, 0), 4000);
    }
}
