//! One contract's text as evidence: which rules match, where, and what each match counts.

use std::borrow::Cow;
use std::collections::HashSet;

use concordat_model::classification::Evidence;

use crate::domain::{Domain, Rule};
use crate::domain_file::Effect;
use crate::lexicon::{Found, Lexicon};
use crate::text::{ContractText, Kind, Passage};
use crate::weigh::{Case, MENTIONS, points};

/// The most text that is read of one contract, in bytes. A contract that says more gets an abstention.
pub const MOST_TEXT: usize = 64 * 1024;

/// The most evidence that is listed of one contract. A contract that gives more gets an abstention.
pub const MOST_EVIDENCE: usize = 256;

/// What was found in one contract's text.
pub(crate) struct Reading<'r> {
    rules: &'r [Rule],
    tallies: Vec<Tally>,
    evidence: Vec<Match<'r>>,
    not_listed: usize,
    not_read: bool,
}

/// What one rule has gathered.
#[derive(Clone, Copy, Default)]
struct Tally {
    mentions: u32,
    points: u64,
}

/// One match that counts.
struct Match<'r> {
    rule: &'r Rule,
    passage: &'r Passage<'r>,
    found: Found,
}

impl<'r> Reading<'r> {
    /// Reads a contract's text, up to [`MOST_TEXT`] bytes of it.
    pub(crate) fn of(text: &'r ContractText<'r>, lexicon: &Lexicon, rules: &'r [Rule]) -> Reading<'r> {
        let tallies = vec![Tally::default(); rules.len()];
        let mut reading = Reading { rules, tallies, evidence: Vec::new(), not_listed: 0, not_read: false };
        let mut skills: HashSet<&Cow<'_, str>> = HashSet::new();
        let mut left = MOST_TEXT;
        for passage in text.passages() {
            // A plan of ten thousand steps has few skills; each is read once.
            if passage.kind == Kind::Skill && !skills.insert(&passage.text) {
                continue;
            }
            let read = beginning(&passage.text, left);
            lexicon.find(read, |found| reading.count(passage, found));
            if read.len() < passage.text.len() {
                reading.not_read = true;
                break;
            }
            left -= read.len();
        }
        reading
    }

    fn count(&mut self, passage: &'r Passage<'r>, found: Found) {
        let (Some(rule), Some(tally)) = (self.rules.get(found.rule), self.tallies.get_mut(found.rule)) else {
            return;
        };
        if rule.effect == Effect::Ignore || tally.mentions == MENTIONS {
            return;
        }
        tally.points += points(rule.weight, passage.kind.percent(), tally.mentions);
        tally.mentions += 1;
        if self.evidence.len() < MOST_EVIDENCE {
            self.evidence.push(Match { rule, passage, found });
        } else {
            self.not_listed += 1;
        }
    }

    /// The domains that have any evidence.
    pub(crate) fn cases<'d>(&self, domains: &'d [Domain]) -> Vec<Case<'d>> {
        let mut cases: Vec<Option<Case<'d>>> = vec![None; domains.len()];
        for (rule, tally) in self.rules.iter().zip(&self.tallies).filter(|(_, tally)| tally.mentions > 0) {
            let (Some(domain), Some(case)) = (domains.get(rule.domain), cases.get_mut(rule.domain)) else {
                continue;
            };
            let case =
                case.get_or_insert_with(|| Case::of(&domain.name, domain.abstain.as_deref(), domain.yields));
            case.points += tally.points;
            case.set |= rule.effect == Effect::Set;
            case.vetoed |= rule.effect == Effect::Veto;
        }
        cases.into_iter().flatten().collect()
    }

    /// Why the text was not taken in as a whole, unless it was.
    pub(crate) fn cut_short(&self) -> Option<String> {
        if self.not_read {
            return Some(format!(
                "the text has more than {MOST_TEXT} bytes, and what follows them was not read"
            ));
        }
        (self.not_listed > 0).then(|| {
            let not_listed = self.not_listed;
            format!("the text reads like a list of keywords: {MOST_EVIDENCE} pieces of evidence, and {not_listed} more that are not listed")
        })
    }

    /// Every match that counts, in the order of the text.
    pub(crate) fn evidence(&self, domains: &[Domain]) -> Vec<Evidence> {
        self.evidence
            .iter()
            .filter_map(|hit| domains.get(hit.rule.domain).map(|domain| hit.evidence(domain)))
            .collect()
    }
}

impl Match<'_> {
    fn evidence(&self, domain: &Domain) -> Evidence {
        let Found { start, end, .. } = self.found;
        // No passage is read beyond MOST_TEXT, so both fit.
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Evidence {
            rule: self.rule.id.clone(),
            domain: domain.name.clone(),
            at: self.passage.at.clone().into_owned(),
            start: byte(start),
            end: byte(end),
            text: self.passage.text.get(start..end).unwrap_or_default().to_owned(),
        }
    }
}

/// The first `most` bytes of a text, less what would split a character.
fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
