//! Evaluates one query over a bundle, as its author would to see what a rule comes to, and says how it came to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};
use regorus::{Engine, QueryResults, Value};
use serde::Serialize;

use super::coverage::Coverage;
use super::explain::{self, Condition};
use super::{TestingError, author_engine, evaluating};
use crate::bundle::Bundle;
use crate::evaluate::{self, located};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The query, such as `data.concordat.admit.decision` or `x := data.a.b; x > 3`.
    pub text: &'a str,
    /// The input as JSON; without one, `input` is undefined.
    pub input: Option<&'a [u8]>,
    /// The longest that it may take.
    pub timeout: Duration,
    /// What to say about how it came to that.
    pub explain: Explain,
}

/// What is said about how an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Explain {
    /// Nothing.
    #[default]
    Nothing,
    /// The value of every rule of the packages that the query names.
    Rules,
    /// The condition at which each body of those rules stops.
    Fails,
    /// The lines that were evaluated.
    Coverage,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// As `opa eval` prints it: nothing when the query is undefined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub result: Vec<serde_json::Value>,
    /// The value of each rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleValue>,
    /// The conditions that did not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fails: Vec<Fail>,
    /// The lines that were evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What `print` wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub printed: Vec<String>,
}

/// A rule with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleValue {
    /// The rule with its package.
    pub rule: String,
    /// The file.
    pub file: String,
    /// The line of its first definition, from 1.
    pub line: u32,
    /// Its value; absent when it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Why it could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A body of a rule that did not hold, and where it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fail {
    /// The rule with its package.
    pub rule: String,
    /// The condition.
    pub condition: Condition,
}

/// Evaluates a query.
///
/// # Errors
/// A server would not load the bundle, the input is not JSON, or the query cannot be parsed or evaluated.
pub fn query(bundle: &Bundle, query: &Query<'_>) -> Result<Answer, TestingError> {
    evaluating(|| {
        let mut engine = author_engine(bundle, query.timeout)?;
        if let Some(input) = query.input {
            let odd =
                |why: serde_json::Error| TestingError::Evaluator(format!("the input is not JSON: {why}"));
            engine.set_input(serde_json::from_slice(input).map_err(odd)?);
        }
        engine.set_enable_coverage(query.explain == Explain::Coverage);
        let evaluation = AssertUnwindSafe(|| engine.eval_query(query.text.to_owned(), false));
        let results = catch_unwind(evaluation)
            .map_err(|_| TestingError::Evaluator("the query crashed the evaluator".to_owned()))?
            .map_err(|error| TestingError::Evaluator(located(&format!("{error:#}")).to_string()))?;
        let mut answer = Answer {
            result: plain(results),
            rules: Vec::new(),
            fails: Vec::new(),
            coverage: None,
            printed: engine.take_prints().unwrap_or_default(),
        };
        match query.explain {
            Explain::Nothing => {}
            Explain::Rules => answer.rules = rules(&mut engine, query.text),
            Explain::Fails => answer.fails = fails(&mut engine, query.text),
            Explain::Coverage => {
                let mut coverage = Coverage::default();
                coverage.add(&engine);
                answer.coverage = Some(coverage);
            }
        }
        Ok(answer)
    })
}

/// Results as JSON, without those that are undefined.
fn plain(results: QueryResults) -> Vec<serde_json::Value> {
    let defined = results.result.into_iter().filter(|result| {
        // An undefined value has no JSON; it must never be taken for a text.
        result.expressions.iter().all(|expression| expression.value != Value::Undefined)
    });
    defined.filter_map(|result| serde_json::to_value(result).ok()).collect()
}

/// The rules without arguments in the packages that a query names, in the order of their files.
fn named(engine: &mut Engine, query: &str) -> Vec<(String, Ref<Module>, Ref<Rule>)> {
    let mut found = Vec::new();
    for module in engine.get_modules() {
        let package = module.package.refr.span().text();
        if !names(query, package) {
            continue;
        }
        for rule in &module.policy {
            if let Some(name) = plain_name(rule) {
                found.push((format!("{package}.{name}"), module.clone(), rule.clone()));
            }
        }
    }
    found
}

/// Whether a query names something in a package.
fn names(query: &str, package: &str) -> bool {
    let path = format!("data.{package}");
    query.match_indices(&path).any(|(at, _)| {
        let rest = query.get(at + path.len()..).unwrap_or_default();
        !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn plain_name(rule: &Rule) -> Option<&str> {
    let refr = match rule {
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => refr,
        Rule::Default { refr, args, .. } if args.is_empty() => refr,
        Rule::Spec { head: RuleHead::Func { .. }, .. } | Rule::Default { .. } => return None,
    };
    let mut base: &Expr = refr;
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = base {
        base = refr;
    }
    match base {
        Expr::Var { span, .. } => Some(span.text()),
        _ => None,
    }
}

fn rules(engine: &mut Engine, query: &str) -> Vec<RuleValue> {
    let mut values: Vec<RuleValue> = Vec::new();
    for (path, _, rule) in named(engine, query) {
        if values.iter().any(|known| known.rule == path) {
            continue;
        }
        let evaluation = AssertUnwindSafe(|| engine.eval_rule(format!("data.{path}")));
        let (value, error) = match catch_unwind(evaluation) {
            Ok(Ok(Value::Undefined)) => (None, None),
            Ok(Ok(value)) => (serde_json::to_value(&value).ok(), None),
            Ok(Err(error)) => (None, Some(located(&format!("{error:#}")).to_string())),
            Err(_) => (None, Some("crashed the evaluator".to_owned())),
        };
        let span = rule.span();
        let file = span.source.get_path().clone();
        values.push(RuleValue { rule: path, file, line: span.line, value, error });
    }
    values
}

fn fails(engine: &mut Engine, query: &str) -> Vec<Fail> {
    let named = named(engine, query);
    let stops = named.iter().flat_map(|(path, module, rule)| {
        let stops = explain::stops(engine, module, rule);
        stops.into_iter().map(move |stop| Fail { rule: path.clone(), condition: stop.condition })
    });
    stops.collect()
}

/// The rule that answers for a gate, as a query.
#[must_use]
pub fn of_gate(gate: concordat_model::decision::Gate) -> &'static str {
    evaluate::entrypoint(gate)
}
