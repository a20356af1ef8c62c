//! One domain as its author writes it: a YAML file of rules.
//!
//! ```yaml
//! domain: finance
//! rules:
//!   loan: {weight: 40, phrases: [loan, mortgage, "borrow*"]}
//!   kyc: {weight: 80, effect: set, phrases: [know your customer]}
//! ```
//!
//! What the phrases mean together is not decided here: `lexicon` finds them, `weigh` weighs them.

use std::collections::BTreeMap;
use std::fmt;

use concordat_model::document::{self, Notation};
use concordat_model::name::DomainName;
use concordat_model::problem::{Problem, Problems};
use serde::Deserialize;

use crate::phrase::Phrase;

/// The greatest weight of a rule; the least is 1.
const GREATEST_WEIGHT: u64 = 100;

/// A domain file that was read and found in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainFile {
    pub(crate) domain: DomainName,
    /// Why a text of this domain is not classified; absent where it is.
    #[serde(default)]
    pub(crate) abstain: Option<String>,
    /// Whether the domain gives way to others that have enough evidence.
    #[serde(default)]
    pub(crate) yields: bool,
    pub(crate) rules: BTreeMap<RuleId, RuleLine>,
}

/// The id of a rule, unique within its domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RuleId(String);

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct RuleLine {
    /// 1 to 100, or 0 for the effects that have no weight.
    pub(crate) weight: u64,
    pub(crate) effect: Effect,
    pub(crate) phrases: Vec<Phrase>,
}

/// What a match of a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// It speaks for the domain with the rule's weight.
    Support,
    /// It speaks for the domain and, however thin the rest, is enough to name it.
    /// In a domain that abstains it is enough to abstain.
    Set,
    /// A contract that says this is not of the domain, whatever else it says.
    Veto,
    /// It says nothing; it keeps shorter phrases within it from being taken for evidence.
    Ignore,
}

/// A rule as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    weight: Option<i64>,
    #[serde(default)]
    effect: Option<Effect>,
    phrases: Vec<Phrase>,
}

/// What is wrong with one rule.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRule {
    #[error("`{}` is not the id of a rule: use 1 to 64 of a-z, 0-9 and `-`", .0.chars().take(64).collect::<String>())]
    Id(String),
    #[error("the weight {0} is out of range: weights go from 1 to {GREATEST_WEIGHT}")]
    Weight(i64),
    #[error("the rule has no weight: add `weight`, from 1 to {GREATEST_WEIGHT}")]
    NoWeight,
    #[error("the rule has a weight, but `veto` and `ignore` have none: remove `weight`")]
    NeedlessWeight,
    #[error("the rule has no phrases and could never match: add one, or remove the rule")]
    NoPhrases,
}

impl DomainFile {
    /// Reads one domain file.
    pub(crate) fn read(yaml: &str) -> Result<DomainFile, Problems> {
        let file: DomainFile = document::read(yaml.as_bytes(), Notation::Yaml)?;
        Problems::check(file.problems())?;
        Ok(file)
    }

    /// What only the whole file shows.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.rules.is_empty() {
            let message = format!("the domain `{}` has no rules and could never be named", self.domain);
            problems
                .push(Problem::new("domain-empty", "/rules", message).hint("add a rule, or remove the file"));
        }
        if self.abstain.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            let message = "`abstain` is empty: say why, in words that a reviewer understands";
            problems.push(Problem::new("domain-reason", "/abstain", message));
        }
        let mut first_rule_of: BTreeMap<&Phrase, &RuleId> = BTreeMap::new();
        for (id, rule) in &self.rules {
            for (nth, phrase) in rule.phrases.iter().enumerate() {
                if let Some(earlier) = first_rule_of.insert(phrase, id) {
                    let message = format!("the phrase `{phrase}` is found by rule `{earlier}` already");
                    let problem =
                        Problem::new("domain-phrase", format!("/rules/{id}/phrases/{nth}"), message);
                    problems.push(problem.hint("keep one of them; plurals need no phrase of their own"));
                }
            }
        }
        problems
    }
}

impl TryFrom<String> for RuleId {
    type Error = BadRule;

    fn try_from(id: String) -> Result<RuleId, BadRule> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let good = !id.is_empty() && id.len() <= 64 && id.bytes().all(plain);
        if good { Ok(RuleId(id)) } else { Err(BadRule::Id(id)) }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Written> for RuleLine {
    type Error = BadRule;

    fn try_from(written: Written) -> Result<RuleLine, BadRule> {
        let effect = written.effect.unwrap_or(Effect::Support);
        let weight = match (effect, written.weight) {
            (Effect::Support | Effect::Set, Some(weight)) => u64::try_from(weight)
                .ok()
                .filter(|weight| (1..=GREATEST_WEIGHT).contains(weight))
                .ok_or(BadRule::Weight(weight))?,
            (Effect::Support | Effect::Set, None) => return Err(BadRule::NoWeight),
            (Effect::Veto | Effect::Ignore, Some(_)) => return Err(BadRule::NeedlessWeight),
            (Effect::Veto | Effect::Ignore, None) => 0,
        };
        if written.phrases.is_empty() {
            return Err(BadRule::NoPhrases);
        }
        Ok(RuleLine { weight, effect, phrases: written.phrases })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &str) {
        let told = DomainFile::read(yaml).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }

    fn check_rule(rule: &str, expected: &str) {
        check(&format!("domain: a\nrules:\n  x: {rule}\n"), expected);
    }

    #[test]
    fn a_file_in_order_is_read() {
        let file =
            DomainFile::read("domain: a\nrules: {x: {weight: 5, phrases: [b, \"carr* on\"]}}").unwrap();
        assert_eq!(format!("{} {} {}", file.domain, file.rules.len(), file.yields), "a 1 false");
    }

    #[test]
    fn odd_rules_are_refused_where_they_stand() {
        check_rule("{weight: 0, phrases: [b]}", "3:3: /rules/x: the weight 0 is out of range");
        check_rule("{weight: 101, phrases: [b]}", "the weight 101 is out of range: weights go from 1 to 100");
        check_rule("{weight: -1, phrases: [b]}", "the weight -1 is out of range");
        check_rule("{weight: many, phrases: [b]}", "/rules/x");
        check_rule("{weight: 1.5, phrases: [b]}", "/rules/x");
        check_rule("{phrases: [b]}", "the rule has no weight");
        check_rule("{effect: veto, weight: 5, phrases: [b]}", "remove `weight`");
        check_rule("{effect: maybe, weight: 5, phrases: [b]}", "`maybe`");
        check_rule("{weight: 5, phrases: []}", "the rule has no phrases");
        check_rule("{weight: 5}", "`phrases`");
        check_rule("{weight: 5, phrases: [b, '']}", "a phrase needs a word");
        check_rule("{weight: 5, phrases: ['b*']}", "has a star");
        check_rule("{weight: 5, phrases: [b], colour: red}", "`colour`");
        check_rule(
            "{weight: 5, phrases: [cat, Cats]}",
            "/rules/x/phrases/1: the phrase `cat` is found by rule `x` already",
        );
    }

    #[test]
    fn odd_files_are_refused() {
        check("", "empty");
        check("domain: a", "`rules`");
        check("domain: a\nrules: {}", "the domain `a` has no rules");
        check("domain: A b\nrules: {}", "`A b` is not the name of a domain");
        check("domain: a\nabstain: ' '\nrules: {x: {weight: 5, phrases: [b]}}", "`abstain` is empty");
        check("domain: a\nrules: {X y: {weight: 5, phrases: [b]}}", "`X y` is not the id of a rule");
        check("domain: a\nrules:\n  x: {weight: 5, phrases: [b]}\n  x: {weight: 5, phrases: [c]}\n", "4:3: ");
        check(
            "domain: a\nrules: {x: {weight: 5, phrases: [b]}, y: {weight: 5, phrases: [b]}}",
            "found by rule `x` already",
        );
        check("domain: a\nrule: {}", "`rule`");
        check("domain: a\nrules: &r {x: {weight: 5, phrases: [b]}}", "anchor");
        check("domain: a\n---\ndomain: b\n", "");
        check(&"x".repeat(300_000), "the most is");
    }
}
