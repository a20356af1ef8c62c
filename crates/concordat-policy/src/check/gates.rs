//! What the gates say: a rule each, a default that refuses, an answer to an ordinary question, tests that hold.

use std::collections::{BTreeMap, BTreeSet};

use concordat_model::decision::{Answer, Gate};
use concordat_model::id::DecisionId;
use regorus::Value;
use regorus::unstable::{Expr, Module, Ref, Rule};

use super::known::Known;
use crate::answer;
use crate::bundle::Bundle;
use crate::evaluate::{entrypoint, located};
use crate::failure::Failure;
use crate::finding::{Code, Finding};
use crate::graph::{Graph, Place, fixed, head, package};
use crate::policy::Policy;
use crate::testing::{self, TestingError};

/// One ordinary question to a gate.
fn ordinary(gate: Gate) -> &'static [u8] {
    match gate {
        Gate::Access => include_bytes!("inputs/access.json"),
        Gate::Admit => include_bytes!("inputs/admit.json"),
        Gate::Dispatch => include_bytes!("inputs/dispatch.json"),
        Gate::Release => include_bytes!("inputs/release.json"),
        Gate::Enroll => include_bytes!("inputs/enroll.json"),
        Gate::Promote => include_bytes!("inputs/promote.json"),
    }
}

/// Whether every gate has a rule, and a default that refuses.
pub(super) fn defaults(modules: &[Ref<Module>], graph: &Graph) -> Vec<Finding> {
    let modules: Vec<&Ref<Module>> = modules.iter().filter(|module| !super::is_test(module)).collect();
    Gate::ALL.into_iter().filter_map(|gate| default_of(gate, &modules, graph)).collect()
}

fn default_of(gate: Gate, modules: &[&Ref<Module>], graph: &Graph) -> Option<Finding> {
    let path = entrypoint(gate);
    let mut own = modules
        .iter()
        .filter(|module| path.strip_suffix(".decision").is_some_and(|own| package(module).join(".") == own));
    if !graph.has(path) {
        let message =
            format!("the gate `{gate}` has no rule: there is no `{path}`, so it refuses everything");
        let fix = "write `default decision := {\"answer\": \"deny\", \"reasons\": […]}` and what permits";
        let place = own.next().map_or_else(Place::default, |module| Place::of(&module.package.span));
        return Some(place.error(Code::MissingEntrypoint, message).fix(fix));
    }
    let rules = modules.iter().flat_map(|module| module.policy.iter().map(|rule| (package(module), rule)));
    let own = rules.filter(|(package, rule)| {
        package.iter().chain(&fixed(head(rule)).0).map(String::as_str).eq(path.split('.'))
    });
    let own: Vec<&Rule> = own.map(|(_, rule)| rule.as_ref()).collect();
    let found = own.iter().find_map(|rule| match rule {
        Rule::Default { value, .. } => Some(value),
        Rule::Spec { .. } => None,
    });
    match found {
        Some(value) => unsafe_default(gate, value),
        None => own.first().map(|rule| {
            let message = format!("`{path}` has no default, so it has no answer where no rule gives one");
            let fix = "write `default decision := {\"answer\": \"deny\", \"reasons\": […]}`";
            Place::of(rule.span()).error(Code::MissingDefault, message).fix(fix)
        }),
    }
}

fn unsafe_default(gate: Gate, value: &Expr) -> Option<Finding> {
    let told = |why: String| {
        let message = format!("the default of the gate `{gate}` is no safe answer: {why}");
        let fix = "let it deny, with a reason: {\"answer\": \"deny\", \"reasons\": [{\"code\": …, \"message\": …}]}";
        Some(Place::of(value.span()).error(Code::UnsafeDefault, message).fix(fix))
    };
    let Some(value) = constant(value, 0) else { return told("it is not written out".to_owned()) };
    match answer::read(gate, &value, &answer::Offered::new()) {
        Ok(answered) => match answered.answer {
            Answer::Deny { .. } | Answer::Review { .. } => None,
            Answer::Permit => told("it permits what no rule decides".to_owned()),
        },
        Err(failed) => told(failed.detail),
    }
}

/// The value of an expression that is written out.
fn constant(expr: &Expr, depth: usize) -> Option<Value> {
    let inner = |expr: &Ref<Expr>| constant(expr, depth + 1);
    match expr {
        _ if depth > 8 => None,
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => Some(value.clone()),
        Expr::Array { items, .. } => items.iter().map(inner).collect::<Option<Vec<_>>>().map(Value::from),
        Expr::Set { items, .. } => items.iter().map(inner).collect::<Option<BTreeSet<_>>>().map(Value::from),
        Expr::Object { fields, .. } => {
            let fields = fields.iter().map(|(_, key, value)| Some((inner(key)?, inner(value)?)));
            fields.collect::<Option<BTreeMap<_, _>>>().map(Value::from)
        }
        _ => None,
    }
}

/// Whether every gate answers an ordinary question, and whether the bundle's tests hold.
pub(super) fn behaviour(bundle: &Bundle, policy: &Policy, modules: &[Ref<Module>]) -> Vec<Finding> {
    let known = Known::new(bundle, modules);
    let wrong: Vec<Finding> =
        Gate::ALL.into_iter().filter_map(|gate| wrong_answer(gate, policy, &known)).collect();
    // Where a gate fails at an ordinary question, its tests fail of the same cause.
    if wrong.is_empty() { tests(bundle, &known) } else { wrong }
}

fn wrong_answer(gate: Gate, policy: &Policy, known: &Known<'_>) -> Option<Finding> {
    let id: DecisionId = "dec_01h455vb4pex5vsknk084sn02q".parse().ok()?;
    let decision = policy.replay(gate, id, ordinary(gate));
    let reason = decision.answer.reasons().first()?;
    let failure = Failure::ALL.into_iter().find(|failure| failure.as_str() == reason.code)?;
    let (why, fix) = match failure {
        // That there is no rule was told before.
        Failure::Missing => return None,
        Failure::Timeout => ("it takes too long", Some("ask about fewer things at once".to_owned())),
        _ => (reason.message.as_str(), reason.fix.clone()),
    };
    let place = known.place(entrypoint(gate)).cloned().unwrap_or_default();
    let message = format!("asked an ordinary question, the gate `{gate}` fails: {why}");
    Some(Finding { fix, ..place.error(Code::WrongAnswer, message) })
}

fn tests(bundle: &Bundle, known: &Known<'_>) -> Vec<Finding> {
    if known.tests() == 0 {
        let told = Place::default().warning(Code::NoTests, "the bundle has no tests".to_owned());
        return vec![told.fix("write rules named `test_…` in files named `…_test.rego`")];
    }
    let failed = match testing::run(bundle) {
        Ok(tested) => tested.into_iter().filter_map(|one| Some((one.failure?, one.test))),
        Err(TestingError::Load(_)) => return Vec::new(),
        Err(error) => {
            let told = located(&error.to_string());
            let (file, line, column) = (told.file, told.line, told.column);
            return vec![Finding { file, line, column, ..Finding::whole(Code::TestsFailed, told.message) }];
        }
    };
    failed
        .map(|(why, test)| {
            let place = known.place(&format!("data.{test}")).cloned().unwrap_or_default();
            place.error(Code::TestsFailed, format!("the test `{test}` fails: {}", said(&why)))
        })
        .collect()
}

/// Why a test failed, the same each time that it fails so.
fn said(why: &str) -> String {
    if why.contains("execution exceeded time limit") {
        "it takes too long".to_owned()
    } else {
        located(why).to_string()
    }
}
