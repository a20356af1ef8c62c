//! A gate's invariants, and what they and the policy come to for one input.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use concordat_model::decision::Gate;
use regex::Regex;
use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleHead};
use regorus::{Engine, Value};

use super::Invariant;
use crate::evaluate::{self, entrypoint, located};
use crate::testing::explain::{self, Condition};
use crate::testing::find::{self, Found};

/// The policy with the invariants of one gate.
pub(super) struct Subject {
    gate: Gate,
    engine: Engine,
    pub(super) invariants: Vec<Claim>,
    /// Lines that no case has reached.
    never: Missed,
}

/// One invariant.
pub(super) struct Claim {
    path: String,
    definitions: Vec<(Ref<Module>, Ref<Rule>)>,
    /// Itself, and what it says does not hold; each with the lines of each of its bodies.
    parts: Vec<Vec<Lines>>,
}

/// The lines of one body, both ends included.
#[derive(Debug, Clone)]
struct Lines {
    file: String,
    ranges: Vec<(u32, u32)>,
}

/// What an input came to.
pub(super) struct Seen {
    pub(super) answer: String,
    /// The answer with its codes, in one text.
    pub(super) said: String,
    /// How far the input led within the invariants, in one text.
    pub(super) led: String,
    pub(super) verdicts: Vec<Verdict>,
}

/// What an invariant came to.
pub(super) struct Verdict {
    pub(super) met: bool,
    /// What it is instead of `true`.
    pub(super) told: Option<String>,
}

/// Lines that were not reached, by file; a file that is not named was not reached at all.
type Missed = BTreeMap<String, BTreeSet<u32>>;

impl Claim {
    /// What is known before the search.
    pub(super) fn unproved(&self) -> Invariant {
        let span = self.definitions.first().map(|(_, rule)| rule.span());
        Invariant {
            invariant: self.path.clone(),
            file: self.file().to_owned(),
            line: span.map_or(0, |span| span.line),
            met: 0,
            unreached: None,
            broken: 0,
            counterexample: None,
        }
    }

    fn file(&self) -> &str {
        self.definitions.first().map_or("", |(_, rule)| rule.span().source.get_path())
    }

    fn met(&self, missed: &Missed) -> bool {
        self.parts.iter().all(|bodies| bodies.iter().any(|lines| lines.first_missed(missed).is_none()))
    }
}

impl Lines {
    fn first_missed(&self, missed: &Missed) -> Option<u32> {
        let first = || self.ranges.first().map(|(first, _)| *first);
        let Some(missed) = missed.get(&self.file) else { return first() };
        self.ranges.iter().find_map(|(first, last)| missed.range(first..=last).next().copied())
    }
}

impl Subject {
    /// The invariants that speak of a gate.
    pub(super) fn of(engine: &Engine, gate: Gate, only: Option<&Regex>) -> Subject {
        let mut engine = engine.clone();
        let package = format!("concordat.{gate}");
        let speaks = |name: &str| {
            name.strip_prefix(&package).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
        };
        let found = find::rules(&mut engine, &["invariant_"]);
        let kept = |found: &Found| {
            only.is_none_or(|only| only.is_match(&format!("{}.{}", found.package, found.name)))
        };
        let found = found.into_iter().filter(|found| speaks(&found.package) && kept(found));
        let modules = engine.get_modules().clone();
        let invariants = found.map(|found| Claim {
            parts: parts(&modules, &found),
            path: format!("{}.{}", found.package, found.name),
            definitions: found.definitions,
        });
        let invariants = invariants.collect();
        engine.set_enable_coverage(true);
        Subject { gate, engine, invariants, never: Missed::new() }
    }

    /// Asks the policy and every invariant.
    pub(super) fn ask(&mut self, input: &serde_json::Value) -> Seen {
        self.engine.clear_coverage_data();
        self.set(input);
        let paths: Vec<String> = self.invariants.iter().map(|claim| claim.path.clone()).collect();
        let (decision, told) = match self.together(&paths) {
            Some((decision, values)) => (decision, values.into_iter().map(told).collect()),
            None => (
                self.value(entrypoint(self.gate)).unwrap_or(Value::Undefined),
                paths.iter().map(|path| self.alone(path)).collect::<Vec<Option<String>>>(),
            ),
        };
        let _ = self.engine.take_prints();
        let missed = self.missed();
        let verdicts: Vec<Verdict> = self
            .invariants
            .iter()
            .zip(told)
            .map(|(claim, told)| Verdict { met: claim.met(&missed), told })
            .collect();
        let answer = text(&decision["answer"]);
        let files: BTreeSet<&str> = self.invariants.iter().map(Claim::file).collect();
        let led: Vec<_> = files.into_iter().map(|file| missed.get(file)).collect();
        Seen { said: format!("{answer} {}", codes(&decision)), led: format!("{led:?}"), answer, verdicts }
    }

    /// What one invariant is instead of `true`.
    pub(super) fn breaks(&mut self, at: usize, input: &serde_json::Value) -> Option<String> {
        let path = self.invariants.get(at)?.path.clone();
        self.set(input);
        self.alone(&path)
    }

    /// The condition at which an invariant stops.
    pub(super) fn condition(&mut self, at: usize, input: &serde_json::Value) -> Option<Condition> {
        self.set(input);
        let claim = self.invariants.get(at)?;
        let mut stops =
            claim.definitions.iter().flat_map(|(module, rule)| explain::stops(&self.engine, module, rule));
        stops.next().map(|stop| stop.condition)
    }

    /// The first line of an invariant that no case has reached.
    pub(super) fn unreached(&self, at: usize) -> Option<u32> {
        let claim = self.invariants.get(at)?;
        claim.parts.iter().flatten().find_map(|lines| lines.first_missed(&self.never))
    }

    fn set(&mut self, input: &serde_json::Value) {
        // A stored input that is too large or odd for the gate is not put to its invariants either.
        let value = serde_json::to_vec(input).ok().and_then(|bytes| evaluate::input(&bytes).ok());
        self.engine.set_input(value.unwrap_or(Value::Undefined));
    }

    fn value(&mut self, path: &str) -> Result<Value, String> {
        let evaluation = AssertUnwindSafe(|| self.engine.eval_rule(path.to_owned()));
        match catch_unwind(evaluation) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(located(&format!("{error:#}")).to_string()),
            Err(_) => Err("crashed the evaluator".to_owned()),
        }
    }

    fn alone(&mut self, path: &str) -> Option<String> {
        match self.value(&format!("data.{path}")) {
            Ok(value) => told(value),
            Err(error) => Some(error),
        }
    }

    /// The decision and all of them in one evaluation; nothing when any of them is not true.
    fn together(&mut self, paths: &[String]) -> Option<(Value, Vec<Value>)> {
        let mut query = entrypoint(self.gate).to_owned();
        paths.iter().for_each(|path| query.push_str(&format!("; data.{path}")));
        let evaluation = AssertUnwindSafe(|| self.engine.eval_query(query, false));
        let results = catch_unwind(evaluation).ok()?.ok()?;
        let mut values = results.result.first()?.expressions.iter().map(|one| one.value.clone());
        let decision = values.next()?;
        let values: Vec<Value> = values.collect();
        (values.len() == paths.len()).then_some((decision, values))
    }

    fn missed(&mut self) -> Missed {
        let Ok(report) = self.engine.get_coverage_report() else { return Missed::new() };
        let mut missed = Missed::new();
        for file in report.files {
            let lines: BTreeSet<u32> = file.not_covered.difference(&file.covered).copied().collect();
            let never = self.never.entry(file.path.clone()).or_insert_with(|| lines.clone());
            never.retain(|line| lines.contains(line));
            missed.insert(file.path, lines);
        }
        missed
    }
}

fn told(value: Value) -> Option<String> {
    match value {
        Value::Bool(true) => None,
        Value::Undefined => Some("is undefined".to_owned()),
        other => Some(format!("is {other}")),
    }
}

fn text(value: &Value) -> String {
    value.as_string().map(ToString::to_string).unwrap_or_default()
}

/// The codes of an answer, without what differs between agents and messages.
fn codes(decision: &Value) -> String {
    let of = |list: &Value, name: &str| -> BTreeSet<String> {
        let items: Vec<&Value> = match list {
            Value::Array(items) => items.iter().collect(),
            Value::Set(items) => items.iter().collect(),
            Value::Object(members) => members.values().collect(),
            _ => Vec::new(),
        };
        items
            .into_iter()
            .map(|item| if name.is_empty() { item.to_string() } else { text(&item[name]) })
            .collect()
    };
    format!(
        "{:?} {:?} {:?}",
        of(&decision["reasons"], "code"),
        of(&decision["checks"], "policy"),
        of(&decision["excluded"], "")
    )
}

/// An invariant's own bodies, and those of each rule that it says does not hold: `invariant_a if not broken` says
/// nothing until all that `broken` asks for was asked.
fn parts(modules: &[Ref<Module>], found: &Found) -> Vec<Vec<Lines>> {
    let own = modules.iter().filter(|module| module.package.refr.span().text() == found.package);
    let rules: Vec<&Rule> = own.flat_map(|module| module.policy.iter()).map(Ref::as_ref).collect();
    let mut parts = vec![found.definitions.iter().flat_map(|(_, rule)| lines(rule)).collect::<Vec<Lines>>()];
    let mut negated = BTreeSet::new();
    for (_, rule) in &found.definitions {
        if let Rule::Spec { bodies, .. } = rule.as_ref() {
            bodies.iter().for_each(|body| denies(&body.query, &mut negated));
        }
    }
    for name in negated {
        let named = rules.iter().filter(|rule| head_name(rule) == Some(name));
        parts.push(named.flat_map(|rule| lines(rule)).collect());
    }
    // What has no conditions is always met.
    parts.retain(|bodies| !bodies.is_empty());
    parts
}

/// The names of the rules and functions that a query says do not hold.
fn denies<'q>(query: &'q Query, names: &mut BTreeSet<&'q str>) {
    for statement in &query.stmts {
        match &statement.literal {
            Literal::NotExpr { expr, .. } => {
                let named = match expr.as_ref() {
                    Expr::Call { fcn, .. } => fcn,
                    _ => expr,
                };
                if let Expr::Var { span, .. } = named.as_ref() {
                    names.insert(span.text());
                }
            }
            Literal::Every { query, .. } => denies(query, names),
            _ => {}
        }
    }
}

/// The name at the head of a rule, whatever its form.
fn head_name(rule: &Rule) -> Option<&str> {
    let refr = match rule {
        Rule::Spec {
            head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
            ..
        }
        | Rule::Default { refr, .. } => refr,
    };
    refr.span().text().split(['[', '.', '(']).next()
}

fn lines(rule: &Rule) -> Vec<Lines> {
    let Rule::Spec { bodies, span, .. } = rule else { return Vec::new() };
    let range = |span: &regorus::unstable::Span| {
        let more = span.text().trim_end().matches('\n').count();
        (span.line, span.line + u32::try_from(more).unwrap_or(0))
    };
    let bodies = bodies.iter().filter(|body| !body.query.stmts.is_empty());
    bodies
        .map(|body| Lines {
            file: span.source.get_path().clone(),
            ranges: body.query.stmts.iter().map(|statement| range(&statement.span)).collect(),
        })
        .collect()
}
