//! Runs the Rego tests of a policy bundle, as its author would before handing it in.
//!
//! A test is a rule whose name begins with `test_`, in a file that ends with `_test.rego`; it holds when it is
//! `true`. Nothing that is found here decides anything: policy answers only through `concordat-policy`, whose
//! checks the files that decide have to pass first.
//!
//! The tests themselves are not checked so, because they may replace `data`, which a policy may not. They run in
//! their author's own process, within a time limit; one that calls itself without end overflows the stack there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::{Engine, Value};
use serde::Serialize;

use crate::bundle::Bundle;
use crate::evaluate::bounded_engine;
use crate::policy::{LoadError, Policy};

/// What ends a file of tests.
const TESTS: &str = "_test.rego";

/// One test, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The rule with its package, such as `concordat.admit_test.test_budget`.
    pub test: String,
    /// What it came to instead of `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A bundle whose tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TestingError {
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The evaluator does not take a file.
    #[error("{0}")]
    Evaluator(String),
}

/// Runs every test of the bundle, in the order of its files.
///
/// # Errors
/// A server would not load the bundle, or a file of tests cannot be parsed.
pub fn run(bundle: &Bundle) -> Result<Vec<Tested>, TestingError> {
    Policy::load(bundle)?;
    let mut engine = bounded_engine();
    for (path, text) in bundle.files() {
        let added = engine.add_policy(path.to_owned(), text.to_owned());
        added.map_err(|error| TestingError::Evaluator(format!("{error:#}")))?;
    }
    Ok(names(bundle).into_iter().map(|test| Tested { failure: failure(&engine, &test), test }).collect())
}

fn names(bundle: &Bundle) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, text) in bundle.files().filter(|(path, _)| path.ends_with(TESTS)) {
        let package = text.lines().find_map(|line| line.strip_prefix("package ")).unwrap_or_default().trim();
        for line in text.lines().filter(|line| line.starts_with("test_")) {
            let name =
                line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            let test = format!("{package}.{name}");
            // A rule may have several bodies.
            if !found.contains(&test) {
                found.push(test);
            }
        }
    }
    found
}

fn failure(engine: &Engine, test: &str) -> Option<String> {
    let mut engine = engine.clone();
    let evaluation = AssertUnwindSafe(|| engine.eval_rule(format!("data.{test}")));
    match catch_unwind(evaluation) {
        Ok(Ok(Value::Bool(true))) => None,
        Ok(Ok(Value::Undefined)) => Some("does not hold".to_owned()),
        Ok(Ok(other)) => Some(format!("is {other}, not true")),
        Ok(Err(error)) => Some(format!("{error:#}").trim().to_owned()),
        Err(_) => Some("crashed the evaluator".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(test: &str) -> Bundle {
        let files = Bundle::standard();
        let files = files.files().map(|(path, text)| (path.to_owned(), text.to_owned()));
        Bundle::from_files(files.chain([("own/own_test.rego".to_owned(), test.to_owned())])).unwrap()
    }

    /// What a file of tests comes to beside the standard bundle.
    fn check_own(test: &str) -> Vec<String> {
        let tested = run(&bundle(&format!("package own_test\n\n{test}\n"))).unwrap();
        let own = tested.into_iter().filter(|one| one.test.starts_with("own_test."));
        own.map(|one| format!("{}: {}", one.test, one.failure.as_deref().unwrap_or("holds"))).collect()
    }

    #[test]
    fn the_standard_tests_hold() {
        let tested = run(&Bundle::standard()).unwrap();
        let failed: Vec<&Tested> = tested.iter().filter(|one| one.failure.is_some()).collect();
        assert!(failed.is_empty() && tested.len() >= 50, "{failed:?}");
    }

    #[test]
    fn what_does_not_hold_is_named() {
        for (test, wanted) in [
            ("test_a if 1 == 1", "own_test.test_a: holds"),
            ("test_a if 1 == 2", "own_test.test_a: does not hold"),
            ("test_a := 7", "own_test.test_a: is 7, not true"),
            ("test_a := false", "own_test.test_a: is false, not true"),
            ("test_a if {\n\t1 == 2\n}\n\ntest_a if true", "own_test.test_a: holds"),
        ] {
            assert_eq!(check_own(test), [wanted], "{test}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_refused_with_its_place() {
        let told = run(&bundle("package own_test\n\ntest_a if {\n")).unwrap_err().to_string();
        assert!(told.contains("own/own_test.rego"), "{told}");
    }

    #[test]
    fn a_policy_that_no_server_would_load_is_not_tested() {
        let recursive = "package concordat.admit\n\nf(x) := f(x + 1)\n\ndecision := f(1)\n";
        let bundle = Bundle::from_files([("admit/admit.rego", recursive)]).unwrap();
        assert!(matches!(run(&bundle), Err(TestingError::Load(_))));
    }

    #[test]
    fn a_test_reaches_no_network() {
        let told = run(&bundle("package own_test\n\ntest_a if http.send({\"url\": \"http://127.0.0.1\"})\n"));
        let fine = told.is_ok_and(|tested| tested.iter().all(|one| one.failure.is_none()));
        assert!(!fine);
    }
}
