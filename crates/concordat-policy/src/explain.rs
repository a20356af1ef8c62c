//! Why policy did not say yes, in the policy's own terms: what its rules came to, and where each reason stands.
//!
//! A refusal is evaluated once more, with the evaluator's account of which lines it reached. A reason's code is
//! looked up in the text of the policy, and the place whose line was reached is where it comes from. A permit is not
//! explained: asking again with the stored input and the stored bundle gives the same, rule by rule.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use concordat_model::decision::{Gate, Reason};
use concordat_model::digest::{Digest, canonical};
use regorus::{Engine, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bundle::Bundle;
use crate::evaluate;

/// The most that one rule's value may take in an explanation, in bytes of JSON; a larger one is only named.
const MOST_VALUE: usize = 2 * 1024;
/// The most that all values together may take.
const MOST_VALUES: usize = 24 * 1024;

/// What explains one refusal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Where the reasons come from, in the order of the answer's reasons, and then those against single agents.
    pub because: Vec<Because>,
    /// What each rule of the gate's package came to; a rule that is not here had no value.
    pub rules: BTreeMap<String, Json>,
}

/// The place in a policy that a reason comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Because {
    /// The reason's code.
    pub code: String,
    /// The policy's file.
    pub file: String,
    /// The line of the rule, from 1.
    pub line: u32,
    /// How the rule begins.
    pub rule: String,
}

/// Where the texts that may be codes stand in a bundle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(BTreeMap<String, Vec<Source>>);

#[derive(Debug, Clone)]
struct Source {
    file: String,
    /// The line of the text.
    line: u32,
    /// The line on which its rule begins, and the one after its last.
    rule: std::ops::Range<u32>,
    /// How the rule begins.
    head: String,
}

impl Sources {
    /// Finds every text of a bundle's rules that may be a code.
    pub(crate) fn of(bundle: &Bundle) -> Sources {
        let mut sources = Sources::default();
        for (file, text) in bundle.deciding() {
            let lines: Vec<&str> = text.lines().collect();
            let starts: Vec<usize> = (0..lines.len()).filter(|at| begins(lines.get(*at))).collect();
            for (nth, start) in starts.iter().enumerate() {
                let end = starts.get(nth + 1).copied().unwrap_or(lines.len());
                sources.statement(file, *start, lines.get(*start..end).unwrap_or_default());
            }
        }
        sources
    }

    fn statement(&mut self, file: &str, start: usize, lines: &[&str]) {
        let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
        let rule = number(start)..number(start + lines.len());
        let head = lines.first().copied().unwrap_or_default().trim_end_matches(['{', '(', ' ']).to_owned();
        for (at, line) in lines.iter().enumerate() {
            for code in codes(line) {
                let source = Source {
                    file: file.to_owned(),
                    line: number(start + at),
                    rule: rule.clone(),
                    head: head.clone(),
                };
                self.0.entry(code.to_owned()).or_default().push(source);
            }
        }
    }

    /// The place of a code that was reached, or the first one where the evaluator does not say.
    fn find(&self, code: &str, reached: &Reached) -> Option<Because> {
        let found = self.0.get(code)?;
        let source = found.iter().find(|source| reached.holds(source)).or_else(|| found.first())?;
        let (file, line, rule) = (source.file.clone(), source.rule.start, source.head.clone());
        Some(Because { code: code.to_owned(), file, line, rule })
    }
}

/// A statement begins where a line is neither indented nor closes something.
fn begins(line: Option<&&str>) -> bool {
    line.is_some_and(|line| line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// The texts of a line that could be codes: `a-z`, `0-9` and `_` only.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    let code = |text: &&str| {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        (2..=64).contains(&text.len()) && text.bytes().all(plain)
    };
    // Every second part of a line that is cut at its quotation marks lies within them.
    line.split('"').skip(1).step_by(2).filter(code)
}

/// Which lines of which files an evaluation reached.
struct Reached {
    covered: BTreeMap<String, BTreeSet<u32>>,
    missed: BTreeMap<String, BTreeSet<u32>>,
}

impl Reached {
    fn of(engine: &Engine) -> Reached {
        let report = engine.get_coverage_report().ok();
        let files = report.map(|report| report.files).unwrap_or_default();
        let (mut covered, mut missed) = (BTreeMap::new(), BTreeMap::new());
        for file in files {
            covered.insert(file.path.clone(), file.covered);
            missed.insert(file.path, file.not_covered);
        }
        Reached { covered, missed }
    }

    /// A rule gave its value when its text's own line was reached, and every line of its body.
    fn holds(&self, source: &Source) -> bool {
        let within = |lines: &BTreeMap<String, BTreeSet<u32>>, range: std::ops::Range<u32>| {
            lines.get(&source.file).is_some_and(|lines| lines.range(range).next().is_some())
        };
        within(&self.covered, source.line..source.line + 1) || !within(&self.missed, source.rule.clone())
    }
}

/// Explains a refusal: `codes` are those of its reasons, and of the reasons against single agents.
pub(crate) fn explain(
    engine: &Engine,
    sources: &Sources,
    gate: Gate,
    input: &[u8],
    reasons: &[Reason],
    others: &BTreeSet<&str>,
) -> Option<Explanation> {
    let input = evaluate::input(input).ok()?;
    let evaluation = AssertUnwindSafe(|| {
        let mut engine = engine.clone();
        engine.set_enable_coverage(true);
        engine.set_input(input);
        let results = engine.eval_query(format!("data.concordat.{gate}"), false).ok()?;
        let value = results.result.into_iter().next()?.expressions.into_iter().next()?.value;
        Some((value, Reached::of(&engine)))
    });
    let (value, reached) = catch_unwind(evaluation).ok().flatten()?;
    let said = reasons.iter().map(|reason| reason.code.as_str());
    let all =
        said.chain(others.iter().copied().filter(|code| reasons.iter().all(|reason| reason.code != **code)));
    let because = all.filter_map(|code| sources.find(code, &reached)).collect();
    Some(Explanation { because, rules: rules(&value) })
}

/// The rules of a package with their values, but for the answer itself, which the decision holds.
fn rules(package: &Value) -> BTreeMap<String, Json> {
    let (mut rules, mut left) = (BTreeMap::new(), MOST_VALUES);
    let Ok(members) = package.as_object() else { return rules };
    for (name, value) in members.iter() {
        let (Ok(name), Some(value)) = (name.as_string(), defined(value)) else { continue };
        if name.as_ref() == "decision" {
            continue;
        }
        let bytes = canonical(&value).unwrap_or_default();
        let value = if bytes.len() > MOST_VALUE.min(left) {
            serde_json::json!({"bytes": bytes.len(), "digest": Digest::of(&bytes)})
        } else {
            left -= bytes.len();
            value
        };
        rules.insert(name.as_ref().to_owned(), value);
    }
    rules
}

/// A value as JSON, without what is undefined in it: the evaluator would write that out as a text.
pub(crate) fn defined(value: &Value) -> Option<Json> {
    match value {
        Value::Undefined => None,
        Value::Array(items) => Some(Json::Array(items.iter().filter_map(defined).collect())),
        Value::Set(items) => Some(Json::Array(items.iter().filter_map(defined).collect())),
        Value::Object(members) => {
            let text = |key: &Value| match key.as_string() {
                Ok(text) => text.as_ref().to_owned(),
                Err(_) => defined(key).map(|key| key.to_string()).unwrap_or_default(),
            };
            let member = |(key, value): (&Value, &Value)| Some((text(key), defined(value)?));
            Some(Json::Object(members.iter().filter_map(member).collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            serde_json::to_value(value).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_texts_of_plain_letters() {
        let found: Vec<&str> =
            codes(r#"x contains f("skill_missing", "fail", "no agent offers") if y["a1"]"#).collect();
        assert_eq!(found, ["skill_missing", "fail", "a1"]);
    }

    #[test]
    fn a_code_is_found_where_its_rule_begins() {
        let text = "package p\n\nchecks contains check(\n\t\"night\", \"fail\",\n) if {\n\tinput.x\n}\n";
        let bundle = Bundle::from_files([("p.rego", text)]).unwrap();
        let none = Reached { covered: BTreeMap::new(), missed: BTreeMap::new() };
        let found = Sources::of(&bundle).find("night", &none).unwrap();
        assert_eq!(
            (found.file.as_str(), found.line, found.rule.as_str()),
            ("p.rego", 3, "checks contains check")
        );
    }

    #[test]
    fn nothing_undefined_becomes_data() {
        let value = Value::from(BTreeMap::from([
            (Value::from("a"), Value::Undefined),
            (Value::from("b"), Value::from(vec![Value::from(1), Value::Undefined])),
        ]));
        assert_eq!(defined(&value).unwrap(), serde_json::json!({"b": [1]}));
    }
}
