//! Questions: a document by its path, or a query, answered as OPA answers them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::{Engine, LimitError, Value};
use serde::Serialize;

use super::input::Input;
use super::load::Loaded;
use super::{Documents, MOST_RESULT, Refused, document, query};
use crate::evaluate;
use crate::failure::{Failed, Failure};
use crate::graph::Path;

/// What the evaluator says went wrong, taken out of its own type of error.
macro_rules! told {
    () => {
        |error| (error.downcast_ref::<regorus::LimitError>().copied(), format!("{error:#}"))
    };
}
pub(super) use told;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The document at a path: base and virtual documents together.
    Document(Vec<String>),
    /// Every way in which a query holds.
    Query(String),
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Answer(pub(super) Value);

impl Documents {
    /// The answer to a question; nothing when it is undefined.
    ///
    /// # Errors
    /// The evaluation failed, or the query cannot be asked.
    pub fn ask(
        &self,
        question: &Question,
        input: Option<&Input>,
        strict: bool,
    ) -> Result<Option<Answer>, Refused> {
        let loaded = self.loaded()?;
        let input = input.map_or(Value::Undefined, |input| input.value.clone());
        let asked = match question {
            Question::Document(path) => self.document(loaded, path, &input, strict)?,
            Question::Query(text) => query::results(loaded, text, &input, strict)?,
        };
        let Some(value) = asked.filter(|value| *value != Value::Undefined) else { return Ok(None) };
        Ok(Some(Answer(defined(value))))
    }

    fn document(
        &self,
        loaded: &Loaded,
        path: &[String],
        input: &Value,
        strict: bool,
    ) -> Result<Option<Value>, Refused> {
        let full: Path = ["data".to_owned()].into_iter().chain(path.iter().cloned()).collect();
        match place(loaded, &full) {
            Place::Data => Ok(document::read(&self.state.data, path).cloned()),
            Place::Rule(parts) => {
                let (rule, rest) = full.split_at(parts);
                let value = evaluate(loaded, input, strict, |engine| {
                    engine.eval_rule(rule.join(".")).map_err(told!())
                });
                match value {
                    Ok(value) => {
                        Ok(rest.iter().try_fold(&value, |value, part| document::member(value, part)).cloned())
                    }
                    // A head with a computed part in its middle has no path of its own.
                    Err(refused) if refused.says(NO_RULE_PATH) => looked_up(loaded, path, input, strict),
                    Err(refused) => Err(refused),
                }
            }
            Place::Package => looked_up(loaded, path, input, strict),
        }
    }

    /// Whether there is a rule at exactly this path.
    pub(super) fn has_rule(&self, path: &[&str]) -> bool {
        let full = || ["data"].iter().chain(path).map(|part| (*part).to_owned()).collect::<Path>();
        self.loaded.as_ref().is_ok_and(|loaded| loaded.rules().contains(&full()))
    }
}

/// What the evaluator says of a path that is no rule's.
const NO_RULE_PATH: &str = "not a valid rule path";

/// The document at a path, as a query finds it.
fn looked_up(
    loaded: &Loaded,
    path: &[String],
    input: &Value,
    strict: bool,
) -> Result<Option<Value>, Refused> {
    let query = reference(path);
    let found = evaluate(loaded, input, strict, |engine| engine.eval_query(query, false).map_err(told!()))?;
    let first = found.result.into_iter().next().and_then(|one| one.expressions.into_iter().next());
    let value = first.map(|expression| expression.value);
    Ok(if path.is_empty() { value.map(without_system) } else { value })
}

/// Who knows about a path.
enum Place {
    /// No rule is at it, under it or above it.
    Data,
    /// Exactly one rule, which so many of its parts name, and none below that.
    Rule(usize),
    /// Rules are under it, or several share it.
    Package,
}

fn place(loaded: &Loaded, full: &Path) -> Place {
    let rules = loaded.rules();
    let plain = |part: &String| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    for parts in (2..=full.len()).rev() {
        let Some(prefix) = full.get(..parts) else { continue };
        if rules.contains(prefix) {
            let prefix: Path = prefix.to_vec();
            let below = rules.range(prefix.clone()..).nth(1).is_some_and(|next| next.starts_with(&prefix));
            return if below || !prefix.iter().all(plain) { Place::Package } else { Place::Rule(parts) };
        }
    }
    let under = rules.range(full.clone()..).next().is_some_and(|next| next.starts_with(full));
    if under { Place::Package } else { Place::Data }
}

/// A path as a reference of Rego.
fn reference(path: &[String]) -> String {
    let mut text = "data".to_owned();
    for part in path {
        let quoted = serde_json::to_string(part).unwrap_or_default();
        text.push('[');
        text.push_str(&quoted);
        text.push(']');
    }
    text
}

/// Runs something on a clone of the prepared engine, within the bounds that it carries.
pub(super) fn evaluate<T>(
    loaded: &Loaded,
    input: &Value,
    strict: bool,
    run: impl FnOnce(&mut Engine) -> Result<T, (Option<LimitError>, String)>,
) -> Result<T, Refused> {
    let evaluation = AssertUnwindSafe(|| {
        let mut engine = loaded.engine.clone();
        engine.set_strict_builtin_errors(strict);
        engine.set_input(input.clone());
        run(&mut engine).map_err(|(limit, text)| {
            let failure = evaluate::failure_of(limit, &text);
            let told = evaluate::located(&text);
            Refused::evaluation(&Failed::new(failure, ""), Some(&told))
        })
    });
    let crashed = || Err(Refused::evaluation(&Failed::new(Failure::Crashed, ""), None));
    catch_unwind(evaluation).unwrap_or_else(|_| crashed())
}

/// The value without what is undefined in it: JSON has no word for that.
fn defined(value: Value) -> Value {
    if !holds_undefined(&value) {
        return value;
    }
    match value {
        Value::Object(members) => {
            let mut kept = Value::new_object();
            if let Ok(object) = kept.as_object_mut() {
                for (key, member) in members.iter().filter(|(_, member)| **member != Value::Undefined) {
                    object.insert(key.clone(), defined(member.clone()));
                }
            }
            kept
        }
        Value::Array(items) => {
            let kept = items.iter().filter(|item| **item != Value::Undefined).cloned().map(defined);
            Value::from(kept.collect::<Vec<_>>())
        }
        other => other,
    }
}

fn holds_undefined(value: &Value) -> bool {
    match value {
        Value::Undefined => true,
        Value::Object(members) => members.iter().any(|(_, member)| holds_undefined(member)),
        Value::Array(items) => items.iter().any(holds_undefined),
        _ => false,
    }
}

/// OPA keeps `data.system` out of the whole document.
fn without_system(mut value: Value) -> Value {
    if let Ok(members) = value.as_object_mut() {
        members.remove(&Value::from("system"));
    }
    value
}

impl Answer {
    /// The answer as JSON.
    ///
    /// # Errors
    /// It is too large.
    pub fn json(&self) -> Result<Vec<u8>, Refused> {
        let bytes = serde_json::to_vec(&self.0).map_err(|error| Refused::Parameter(error.to_string()))?;
        let message = || format!("a result has {MOST_RESULT} bytes at most: ask for a part of it");
        if bytes.len() > MOST_RESULT { Err(Refused::TooLarge(message())) } else { Ok(bytes) }
    }
}
