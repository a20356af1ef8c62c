//! Runs one rule of a prepared engine and names what went wrong.
//!
//! The interpreter is the only evaluator: its compiled sibling disagrees with it. It runs on the caller's
//! stack; `graph` refuses at load what could exhaust that, and the timer stops what only takes long.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use concordat_model::decision::Gate;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, PolicyLengthConfig, Value};
use serde::Serialize;

use crate::bundle;
use crate::failure::{Failed, Failure};

/// The evaluator and its version, as decisions name it.
pub(crate) const EVALUATOR: &str = "regorus/0.14.1";

/// The largest input, in bytes of canonical JSON.
pub(crate) const MOST_INPUT: usize = 256 * 1024;

/// The longest that one evaluation may take. Cooperative: a single builtin is not interrupted.
const LIMIT: Duration = Duration::from_millis(100);
/// The number of evaluation steps between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// The largest integer that every reader of JSON keeps whole.
const MAX_INTEGER: u64 = 9_007_199_254_740_991;

const LENGTHS: PolicyLengthConfig = PolicyLengthConfig {
    max_col: NonZeroU32::new(1024).unwrap(),
    max_file_bytes: NonZeroUsize::new(bundle::MOST_BYTES).unwrap(),
    max_lines: NonZeroUsize::new(bundle::MOST_LINES + 1).unwrap(),
};

/// An engine with the bounds that every evaluation has, and no policy.
pub(crate) fn bounded_engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_policy_length_config(LENGTHS);
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: LIMIT, check_interval: CHECK_INTERVAL });
    // Otherwise `print` in a policy writes to the server's stderr.
    engine.set_gather_prints(true);
    engine
}

/// The rule that answers for a gate.
pub(crate) fn entrypoint(gate: Gate) -> &'static str {
    match gate {
        Gate::Access => "data.concordat.access.decision",
        Gate::Admit => "data.concordat.admit.decision",
        Gate::Dispatch => "data.concordat.dispatch.decision",
        Gate::Release => "data.concordat.release.decision",
        Gate::Enroll => "data.concordat.enroll.decision",
        Gate::Promote => "data.concordat.promote.decision",
    }
}

/// An input's canonical form (RFC 8785) and the value that is evaluated.
///
/// The value sorts its members and the writer escapes as RFC 8785 wants it, and there are only whole numbers, so
/// writing the value out again is canonical; that takes a third of the time of sorting text. A test compares the
/// two.
pub(crate) fn canonical(input: &impl Serialize) -> Result<(Vec<u8>, Value), Failed> {
    let odd = |error: serde_json::Error| Failed::new(Failure::Malformed, format!("the input: {error}"));
    let value = self::input(&serde_json::to_vec(input).map_err(odd)?)?;
    Ok((serde_json::to_vec(&value).map_err(odd)?, value))
}

/// Reads an input for evaluation: JSON without floats and without integers that a reader could round.
pub(crate) fn input(bytes: &[u8]) -> Result<Value, Failed> {
    if bytes.len() > MOST_INPUT {
        let detail = format!("the input has {} bytes; the most is {MOST_INPUT}", bytes.len());
        return Err(Failed::new(Failure::Oversize, detail));
    }
    let odd = |detail: &str| Failed::new(Failure::Malformed, format!("the input {detail}"));
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| odd(&format!("is not JSON: {error}")))?;
    if whole(&value) { Ok(value) } else { Err(odd("holds a number that is not a whole one below 2^53")) }
}

/// A bundle's data as the evaluator holds it.
pub(crate) fn data(bundle: &bundle::Bundle) -> Value {
    let members = bundle.data().iter();
    members
        .map(|(name, value)| (Value::from(name.as_str()), Value::from(value.clone())))
        .collect::<BTreeMap<_, _>>()
        .into()
}

fn whole(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_integer()
                && (number.as_u64().is_some_and(|n| n <= MAX_INTEGER)
                    || number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_INTEGER))
        }
        Value::Array(items) => items.iter().all(whole),
        Value::Object(members) => members.iter().all(|(_, value)| whole(value)),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Set(_) | Value::Undefined => true,
    }
}

/// The value of one rule for this input, on a clone of the prepared engine.
pub(crate) fn rule(engine: &Engine, path: &str, input: Value) -> Result<Value, Failed> {
    let evaluation = AssertUnwindSafe(|| {
        let mut engine = engine.clone();
        engine.set_input(input);
        engine.eval_rule(path.to_owned()).map_err(|error| {
            let text = format!("{error:#}");
            Failed::new(
                failure_of(error.downcast_ref::<LimitError>().copied(), &text),
                located(&text).to_string(),
            )
        })
    });
    // The clone that unwound is dropped; the prepared engine was only read.
    catch_unwind(evaluation).unwrap_or_else(|_| Err(Failed::new(Failure::Crashed, "")))
}

/// Which failure an evaluation error is.
pub(crate) fn failure_of(limit: Option<LimitError>, text: &str) -> Failure {
    // A limit that is met within a function body arrives as text only.
    let timed_out = matches!(limit, Some(LimitError::TimeLimitExceeded { .. }))
        || text.contains("execution exceeded time limit");
    if timed_out {
        Failure::Timeout
    } else if ["rule conflicts with rule", "multiple outputs", "generated multiple times"]
        .iter()
        .any(|words| text.contains(words))
    {
        Failure::Conflict
    } else {
        Failure::Error
    }
}

/// What the engine said, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) message: String,
}

impl std::fmt::Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads the engine's drawing: `--> file:line:column`, the source, and a last line `error: …`.
pub(crate) fn located(text: &str) -> Located {
    let place = text.lines().find_map(|line| line.trim_start().strip_prefix("--> ")).unwrap_or_default();
    let mut parts = place.rsplitn(3, ':');
    let column = parts.next().and_then(|part| part.trim().parse().ok()).unwrap_or(0);
    let line = parts.next().and_then(|part| part.trim().parse().ok()).unwrap_or(0);
    let file = parts.next().unwrap_or_default().to_owned();
    let told = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("error: "));
    let message = told.map_or_else(|| text.trim().lines().last().unwrap_or_default(), str::trim).to_owned();
    Located { file, line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rego: &str) -> String {
        let mut engine = bounded_engine();
        engine.add_policy("p.rego".to_owned(), format!("package p\n{rego}")).unwrap();
        match rule(&engine, "data.p.r", Value::new_object()) {
            Ok(value) => value.to_string(),
            Err(failed) => format!("{}: {}", failed.failure.as_str(), failed.detail),
        }
    }

    /// No bundle with these loads; this is the wall behind that.
    #[test]
    fn a_panic_is_a_failure_with_a_code() {
        assert_eq!(told("r := strings.count(\"abc\", \"\")"), "policy_crashed: ");
    }

    #[test]
    fn failures_say_where() {
        assert_eq!(
            told("r := to_number(\"zz\")"),
            "policy_error: p.rego:2:17: could not parse string as number"
        );
        assert_eq!(
            told("r := 1\nr := 2"),
            "policy_conflict: p.rego:3:1: rule conflicts with rule at p.rego:2:1"
        );
        assert_eq!(told("r := x if { x := 1; print(x) }"), "1");
    }
}
