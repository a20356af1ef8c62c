//! Runs the Rego tests of a policy bundle, as its author would before handing it in.
//!
//! A test is a rule whose name begins with `test_`, in any file and package, as `opa test` has it; it holds when it
//! is `true`. One that begins with `todo_test_` is listed and not run. Nothing that is found here decides anything:
//! policy answers only through [`Policy`], whose checks the files that decide have to pass first.
//!
//! The tests themselves are not checked so, because they may replace `data` and functions, which a policy may not.
//! They run in their author's own process, on a large stack and within a time limit; one that calls itself without
//! end overflows the stack there.
//!
//! Reading order: [`find`] (which rules are tests), here (what they come to), [`explain`] (why one does not hold),
//! [`coverage`] (what they reached).

pub mod coverage;
pub(crate) mod explain;
pub(crate) mod find;
pub mod query;
mod span;

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde::Serialize;

pub use self::coverage::Coverage;
pub use self::explain::{Condition, Valued};
use self::find::Test;
use crate::bundle::Bundle;
use crate::evaluate::{bounded_engine, data, located};
use crate::load::{LoadError, on_deep_stack};
use crate::policy::Policy;

/// The number of evaluation steps between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(16).unwrap();
/// What `opa test` gives a test.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A benchmark runs a test until this much time is over, or this often.
const BENCH: Duration = Duration::from_millis(200);
const BENCH_ROUNDS: u32 = 10_000;

/// One test, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The rule with its package, such as `concordat.admit_test.test_budget`.
    pub test: String,
    /// The file, as the bundle names it.
    pub file: String,
    /// The line of its first definition, from 1.
    pub line: u32,
    /// The column of its first definition, from 1.
    pub column: u32,
    /// Whether it is still to be written, and was not run.
    pub skipped: bool,
    /// What it came to instead of `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The first condition that did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// What `print` wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub printed: Vec<String>,
    /// How long it took, in nanoseconds, by the clock that was handed in.
    pub nanoseconds: u64,
}

/// How fast a test is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timed {
    /// The rule with its package.
    pub test: String,
    /// How often it was run.
    pub count: u32,
    /// Nanoseconds a run.
    pub nanoseconds: u64,
}

/// How tests are run.
pub struct Options<'a> {
    /// Which tests, by package and name.
    pub keep: &'a (dyn Fn(&str) -> bool + Sync),
    /// The longest that one test may take.
    pub timeout: Duration,
    /// The time since any one moment.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { keep: &|_| true, timeout: TIMEOUT, clock: &|| Duration::ZERO }
    }
}

/// What the tests of a bundle came to.
#[derive(Debug, Clone)]
pub struct Results {
    /// Every test, in the order of the files.
    pub tested: Vec<Tested>,
    /// What they reached.
    pub coverage: Coverage,
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
    Ok(report(bundle, &Options::default())?.tested)
}

/// Runs tests of the bundle, and says what they reached.
///
/// # Errors
/// As [`run`].
pub fn report(bundle: &Bundle, options: &Options<'_>) -> Result<Results, TestingError> {
    evaluating(|| {
        let (engine, tests) = prepare(bundle, options)?;
        let mut covering = engine.clone();
        covering.set_enable_coverage(true);
        let mut coverage = Coverage::default();
        let mut tested = Vec::new();
        for test in &tests {
            tested.push(one(&covering, test, options, &mut coverage));
        }
        coverage.add_untouched(&engine);
        Ok(Results { tested, coverage })
    })
}

/// Runs each test that holds over and over, and says what one run takes.
///
/// # Errors
/// As [`run`].
pub fn bench(bundle: &Bundle, options: &Options<'_>) -> Result<Vec<Timed>, TestingError> {
    evaluating(|| {
        let (engine, tests) = prepare(bundle, options)?;
        let tests = tests.iter().filter(|test| !test.todo && !failed(&value(&mut engine.clone(), test)));
        Ok(tests.map(|test| timed(&engine, test, options.clock)).collect())
    })
}

/// An engine with every file of the bundle, tests included, for an author's own process.
pub(crate) fn author_engine(bundle: &Bundle, timeout: Duration) -> Result<Engine, TestingError> {
    Policy::load(bundle)?;
    let mut engine = bounded_engine();
    engine
        .add_data(data(bundle))
        .map_err(|error| TestingError::Evaluator(format!("the data cannot be used: {error:#}")))?;
    for (path, text) in bundle.files() {
        let added = engine.add_policy(path.to_owned(), text.to_owned());
        added.map_err(|error| TestingError::Evaluator(located(&format!("{error:#}")).to_string()))?;
    }
    engine
        .set_execution_timer_config(ExecutionTimerConfig { limit: timeout, check_interval: CHECK_INTERVAL });
    Ok(engine)
}

/// How many tests a bundle has, without those that are still to be written; none when it cannot be read.
#[must_use]
pub fn count(bundle: &Bundle) -> usize {
    let read = || {
        let mut engine = bounded_engine();
        for (path, text) in bundle.files() {
            let added = engine.add_policy(path.to_owned(), text.to_owned());
            added.map_err(|error| TestingError::Evaluator(error.to_string()))?;
        }
        Ok(find::tests(&mut engine).iter().filter(|test| !test.todo).count())
    };
    evaluating(read).unwrap_or(0)
}

/// Runs an author's evaluation where deep ones fit.
pub(crate) fn evaluating<T: Send>(
    work: impl FnOnce() -> Result<T, TestingError> + Send,
) -> Result<T, TestingError> {
    on_deep_stack(work).unwrap_or_else(|| Err(TestingError::Evaluator("the evaluator crashed".to_owned())))
}

fn prepare(bundle: &Bundle, options: &Options<'_>) -> Result<(Engine, Vec<Test>), TestingError> {
    let mut engine = author_engine(bundle, options.timeout)?;
    let mut tests = find::tests(&mut engine);
    tests.retain(|test| (options.keep)(&test.path));
    // The first evaluation prepares the engine, so that its clones need not; nobody asks what it gives.
    if let Some(first) = tests.iter().find(|test| !test.todo) {
        let _ = value(&mut engine, first);
    }
    Ok((engine, tests))
}

fn one(engine: &Engine, test: &Test, options: &Options<'_>, coverage: &mut Coverage) -> Tested {
    let mut tested = Tested {
        test: test.path.clone(),
        file: test.file.clone(),
        line: test.line,
        column: test.column,
        skipped: test.todo,
        failure: None,
        condition: None,
        printed: Vec::new(),
        nanoseconds: 0,
    };
    if test.todo {
        return tested;
    }
    let mut engine = engine.clone();
    let started = (options.clock)();
    let value = value(&mut engine, test);
    let took = (options.clock)().saturating_sub(started);
    tested.nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    tested.printed = engine.take_prints().unwrap_or_default();
    coverage.add(&engine);
    if failed(&value) {
        tested.condition = match &value {
            Ok(_) => explain::unmet(&engine, test),
            Err(_) => None,
        };
        tested.failure = Some(told(value));
    }
    tested
}

fn failed(value: &Result<Value, String>) -> bool {
    !matches!(value, Ok(Value::Bool(true)))
}

fn told(value: Result<Value, String>) -> String {
    match value {
        Ok(Value::Undefined) => "does not hold".to_owned(),
        Ok(other) => format!("is {other}, not true"),
        Err(error) => error,
    }
}

fn value(engine: &mut Engine, test: &Test) -> Result<Value, String> {
    let evaluation = AssertUnwindSafe(|| engine.eval_rule(format!("data.{}", test.path)));
    match catch_unwind(evaluation) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(hinted(located(&format!("{error:#}")).to_string())),
        Err(_) => Err("crashed the evaluator".to_owned()),
    }
}

/// What the evaluator's `with` lacks, said where it is met.
fn hinted(mut error: String) -> String {
    if error.ends_with("undefined rule") {
        error.push_str(
            ": `with` replaces a rule by its whole path, such as `data.package.rule`, and a builtin only where \
             policies may use it",
        );
    }
    error
}

fn timed(engine: &Engine, test: &Test, clock: &(dyn Fn() -> Duration + Sync)) -> Timed {
    let started = clock();
    let (mut count, mut took) = (0, Duration::ZERO);
    while count < BENCH_ROUNDS && (count == 0 || took < BENCH) {
        let _ = value(&mut engine.clone(), test);
        count += 1;
        took = clock().saturating_sub(started);
    }
    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / u64::from(count.max(1));
    Timed { test: test.path.clone(), count, nanoseconds }
}

#[cfg(test)]
mod tests;
