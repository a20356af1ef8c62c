//! Conditions: structured comparisons of referenced values with constants.
//!
//! A comparison with a value that is not there is false; only `exists` asks whether it is there.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reference::{Reference, Source, Sourced};

/// A condition as it is written: one comparison, or several joined by `all`, `any` and `not`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Condition {
    /// The reference whose value is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// True when the value equals this one.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub eq: Option<Value>,
    /// True when the value is there and differs from this one.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub ne: Option<Value>,
    /// True when the value is a greater number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gt: Option<f64>,
    /// True when the value is a number at least as great.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gte: Option<f64>,
    /// True when the value is a smaller number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lt: Option<f64>,
    /// True when the value is a number at most as great.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lte: Option<f64>,
    /// True when the value equals one of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// True when the value is there, or, if `false`, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// True when the value is a text that this regular expression matches somewhere (RE2 syntax).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// True when every one of these is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// True when one of these is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// True when this one is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

/// Keeps `eq: null` apart from no `eq` at all.
fn present<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(reader).map(Some)
}

/// A condition that was checked: every shape has exactly its parts.
#[derive(Debug, Clone)]
pub enum Test {
    /// One comparison.
    Compare(Reference, Comparison),
    /// All must hold.
    All(Vec<Test>),
    /// One must hold.
    Any(Vec<Test>),
    /// It must not hold.
    Not(Box<Test>),
}

/// How a value is compared.
#[derive(Debug, Clone)]
pub enum Comparison {
    /// Equal to.
    Eq(Value),
    /// There, and different from.
    Ne(Value),
    /// Greater than.
    Gt(f64),
    /// Greater than or equal to.
    Gte(f64),
    /// Less than.
    Lt(f64),
    /// Less than or equal to.
    Lte(f64),
    /// Equal to one of.
    In(Vec<Value>),
    /// There, or not there.
    Exists(bool),
    /// A text that matches.
    Matches(Arc<Regex>),
}

/// A condition that cannot be used, and where within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCondition {
    /// The place below the condition, as a JSON pointer.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl Condition {
    /// The checked form.
    ///
    /// # Errors
    /// Where and why the condition cannot be used.
    pub fn check(&self) -> Result<Test, BadCondition> {
        let bad = |pointer: &str, message: String| BadCondition { pointer: pointer.to_owned(), message };
        let joins = usize::from(self.all.is_some())
            + usize::from(self.any.is_some())
            + usize::from(self.not.is_some());
        let comparison = self.comparison().map_err(|(at, message)| bad(at, message))?;
        match (&self.path, comparison, joins) {
            (Some(path), Some(comparison), 0) => {
                let reference = Reference::read(path).map_err(|error| bad("/path", error.to_string()))?;
                let reference = reference
                    .ok_or_else(|| bad("/path", format!("`{path}` is not a reference: write it as `${{…}}`")))?;
                Ok(Test::Compare(reference, comparison))
            }
            (None, None, 1) => self.joined(),
            _ => Err(bad(
                "",
                "a condition is either a `path` with exactly one comparison (`eq`, `ne`, `gt`, `gte`, `lt`, `lte`, \
                 `in`, `exists`, `matches`), or exactly one of `all`, `any` and `not`"
                    .to_owned(),
            )),
        }
    }

    fn joined(&self) -> Result<Test, BadCondition> {
        let each = |list: &[Condition], name: &str| {
            let check = |(nth, one): (usize, &Condition)| {
                one.check()
                    .map_err(|bad| BadCondition { pointer: format!("/{name}/{nth}{}", bad.pointer), ..bad })
            };
            list.iter().enumerate().map(check).collect::<Result<Vec<_>, _>>()
        };
        match (&self.all, &self.any, &self.not) {
            (Some(list), _, _) => each(list, "all").map(Test::All),
            (_, Some(list), _) => each(list, "any").map(Test::Any),
            (_, _, Some(one)) => match one.check() {
                Ok(test) => Ok(Test::Not(Box::new(test))),
                Err(bad) => Err(BadCondition { pointer: format!("/not{}", bad.pointer), ..bad }),
            },
            (None, None, None) => Ok(Test::All(Vec::new())),
        }
    }

    /// The one comparison, or none; more than one is refused.
    fn comparison(&self) -> Result<Option<Comparison>, (&'static str, String)> {
        let matches = match &self.matches {
            Some(pattern) => {
                Some(Comparison::Matches(Arc::new(compile(pattern).map_err(|why| ("/matches", why))?)))
            }
            None => None,
        };
        let mut found = [
            self.eq.clone().map(Comparison::Eq),
            self.ne.clone().map(Comparison::Ne),
            self.gt.map(Comparison::Gt),
            self.gte.map(Comparison::Gte),
            self.lt.map(Comparison::Lt),
            self.lte.map(Comparison::Lte),
            self.one_of.clone().map(Comparison::In),
            self.exists.map(Comparison::Exists),
            matches,
        ]
        .into_iter()
        .flatten();
        match (found.next(), found.next()) {
            (one, None) => Ok(one),
            (_, Some(_)) => Err(("", "a condition makes one comparison: join several with `all`".to_owned())),
        }
    }
}

/// The longest pattern, in bytes, and the most memory that a compiled one may take.
const LONGEST_PATTERN: usize = 256;
const PATTERN_MEMORY: usize = 64 * 1024;

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(format!("a pattern has at most {LONGEST_PATTERN} bytes"));
    }
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_MEMORY)
        .dfa_size_limit(PATTERN_MEMORY)
        .build()
        .map_err(|error| format!("`{pattern}` is not a pattern: {}", error.to_string().replace('\n', " ")))
}

impl Test {
    /// Whether the condition holds for these values.
    #[must_use]
    pub fn holds(&self, source: &dyn Fn(&Source) -> Sourced) -> bool {
        match self {
            Test::All(tests) => tests.iter().all(|test| test.holds(source)),
            Test::Any(tests) => tests.iter().any(|test| test.holds(source)),
            Test::Not(test) => !test.holds(source),
            Test::Compare(reference, comparison) => match source(&reference.source) {
                Sourced::Value(whole) => comparison.holds(reference.follow(&whole)),
                Sourced::Skipped | Sourced::Missing => comparison.holds(None),
            },
        }
    }

    /// Every reference that the condition reads.
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Test::All(tests) | Test::Any(tests) => tests.iter().flat_map(Test::references).collect(),
            Test::Not(test) => test.references(),
            Test::Compare(reference, _) => vec![reference],
        }
    }
}

impl Comparison {
    fn holds(&self, value: Option<&Value>) -> bool {
        let number = || value.and_then(Value::as_f64);
        match self {
            Comparison::Eq(wanted) => value.is_some_and(|value| same(value, wanted)),
            Comparison::Ne(wanted) => value.is_some_and(|value| !same(value, wanted)),
            Comparison::Gt(bound) => number().is_some_and(|number| number > *bound),
            Comparison::Gte(bound) => number().is_some_and(|number| number >= *bound),
            Comparison::Lt(bound) => number().is_some_and(|number| number < *bound),
            Comparison::Lte(bound) => number().is_some_and(|number| number <= *bound),
            Comparison::In(list) => value.is_some_and(|value| list.iter().any(|one| same(value, one))),
            Comparison::Exists(wanted) => value.is_some() == *wanted,
            Comparison::Matches(pattern) => {
                value.and_then(Value::as_str).is_some_and(|text| pattern.is_match(text))
            }
        }
    }
}

/// Equality as JSON means it: `1` and `1.0` are one number.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(json: Value) -> Condition {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn comparisons_hold_or_not() {
        let input = Arc::new(json!({"n": 5, "f": 5.0, "t": "loan-7", "z": null, "l": [1, 2]}));
        let source = |wanted: &Source| match wanted {
            Source::Input => Sourced::Value(input.clone()),
            _ => Sourced::Missing,
        };
        for (holds, text) in [
            (true, json!({"path": "${input.n}", "eq": 5.0})),
            (true, json!({"path": "${input.l}", "eq": [1.0, 2]})),
            (true, json!({"path": "${input.z}", "eq": null})),
            (false, json!({"path": "${input.none}", "eq": null})),
            (false, json!({"path": "${input.none}", "ne": 1})),
            (true, json!({"path": "${input.n}", "ne": 4})),
            (true, json!({"path": "${input.n}", "gte": 5})),
            (false, json!({"path": "${input.n}", "lt": 5})),
            (false, json!({"path": "${input.t}", "gt": 1})),
            (true, json!({"path": "${input.t}", "in": ["a", "loan-7"]})),
            (true, json!({"path": "${input.z}", "exists": true})),
            (true, json!({"path": "${input.none}", "exists": false})),
            (true, json!({"path": "${input.t}", "matches": "^loan-[0-9]+$"})),
            (
                true,
                json!({"all": [{"path": "${input.n}", "gt": 1}, {"not": {"path": "${input.n}", "gt": 9}}]}),
            ),
            (
                true,
                json!({"any": [{"path": "${steps.a.output}", "exists": true}, {"path": "${input.n}", "lte": 5}]}),
            ),
        ] {
            assert_eq!(condition(text.clone()).check().unwrap().holds(&source), holds, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (pointer, text) in [
            ("", json!({})),
            ("", json!({"path": "${input}"})),
            ("", json!({"path": "${input}", "eq": 1, "ne": 2})),
            ("", json!({"path": "${input}", "eq": 1, "all": []})),
            ("", json!({"all": [], "any": []})),
            ("/path", json!({"path": "input.x", "eq": 1})),
            ("/path", json!({"path": "${env.x}", "eq": 1})),
            ("/matches", json!({"path": "${input}", "matches": "("})),
            ("/matches", json!({"path": "${input}", "matches": "(a{1000}){1000}"})),
            ("/any/0/not/path", json!({"any": [{"not": {"path": "x", "eq": 1}}]})),
        ] {
            assert_eq!(condition(text.clone()).check().unwrap_err().pointer, pointer, "{text}");
        }
    }
}
