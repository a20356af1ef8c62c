//! References: how a step takes the input of its contract and the output of the steps before it.
//!
//! A reference is a whole text, such as `${steps.credit.output.bands[0].name}`. There is no interpolation and
//! no expression language: that is where orchestrators get broken into. What arrives through a reference is
//! data and stays data; it is never looked at for further references.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::name::StepName;

/// One parsed reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where the value comes from.
    pub source: Source,
    /// The way into it.
    pub path: Vec<Segment>,
}

/// Where a referenced value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The contract's input.
    Input,
    /// What a step answered.
    Step(StepName),
    /// How a step ended: `done`, `skipped` or `failed`.
    Status(StepName),
    /// Why a step failed, with `code` and `message`; null when it did not.
    Error(StepName),
    /// The item that a step is done for.
    Item,
    /// The event that started a contract: only in triggers.
    Event,
    /// What the step before this one answered, in a sequential contract.
    Previous,
}

/// One part of the way into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A member of an object.
    Member(String),
    /// An item of a list, from 0.
    Item(usize),
}

/// A text that looks like a reference and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// `${` stands somewhere in a longer text.
    #[error("a reference stands alone: `{0}` mixes one with other text")]
    Mixed(String),
    /// The text within `${…}` cannot be read.
    #[error(
        "`{0}` is not a reference: use `${{input.NAME}}`, `${{steps.STEP.output.NAME}}` or `${{previous}}`"
    )]
    Form(String),
}

/// The longest reference, in bytes.
const LONGEST: usize = 512;

impl Reference {
    /// The reference that a text is, or nothing when the text is plain.
    ///
    /// A text that begins with `$${` is plain: the first `$` is dropped when it is used.
    ///
    /// # Errors
    /// A text that holds `${` and is not a whole, well-formed reference.
    pub fn read(text: &str) -> Result<Option<Reference>, BadReference> {
        if !text.contains("${") || text.starts_with("$${") {
            return Ok(None);
        }
        let shown = || text.chars().take(80).collect::<String>();
        let inner = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|inner| !inner.contains(['$', '{', '}']))
            .ok_or_else(|| BadReference::Mixed(shown()))?;
        if inner.len() > LONGEST {
            return Err(BadReference::Form(shown()));
        }
        parse(inner).map(Some).ok_or_else(|| BadReference::Form(shown()))
    }

    /// The value that the path leads to within `value`.
    #[must_use]
    pub fn follow<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.path.iter().try_fold(value, |value, segment| match segment {
            Segment::Member(name) => value.get(name),
            Segment::Item(index) => value.get(index),
        })
    }
}

fn parse(inner: &str) -> Option<Reference> {
    let (head, rest) = split(inner);
    match head {
        "input" => Some(Reference { source: Source::Input, path: path(rest)? }),
        "event" => Some(Reference { source: Source::Event, path: path(rest)? }),
        "item" => Some(Reference { source: Source::Item, path: path(rest)? }),
        "previous" => Some(Reference { source: Source::Previous, path: path(rest)? }),
        "steps" => {
            let (step, rest) = split(rest.strip_prefix('.')?);
            let (part, rest) = split(rest.strip_prefix('.')?);
            let step = step.parse().ok()?;
            let source = match part {
                "output" => Source::Step(step),
                "error" => Source::Error(step),
                "status" if rest.is_empty() => Source::Status(step),
                _ => return None,
            };
            Some(Reference { source, path: path(rest)? })
        }
        _ => None,
    }
}

/// The text up to the next `.` or `[`, and the text from there.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

fn path(mut rest: &str) -> Option<Vec<Segment>> {
    let mut path = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            path.push(Segment::Item(index.parse().ok()?));
            rest = after;
        } else {
            let (member, after) = split(rest.strip_prefix('.')?);
            if member.is_empty() || !member.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                return None;
            }
            path.push(Segment::Member(member.to_owned()));
            rest = after;
        }
    }
    Some(path)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Input => f.write_str("${input")?,
            Source::Previous => f.write_str("${previous")?,
            Source::Item => f.write_str("${item")?,
            Source::Event => f.write_str("${event")?,
            Source::Status(step) => write!(f, "${{steps.{step}.status")?,
            Source::Error(step) => write!(f, "${{steps.{step}.error")?,
            Source::Step(step) => write!(f, "${{steps.{step}.output")?,
        }
        for segment in &self.path {
            match segment {
                Segment::Member(name) => write!(f, ".{name}")?,
                Segment::Item(index) => write!(f, "[{index}]")?,
            }
        }
        f.write_str("}")
    }
}

/// Every reference within a value, with the pointer of its place below `pointer`.
///
/// # Errors
/// The first text that looks like a reference and is none, with its pointer.
pub fn references_in(
    value: &Value,
    pointer: &str,
) -> Result<Vec<(String, Reference)>, (String, BadReference)> {
    let mut found = Vec::new();
    collect(value, pointer, &mut found)?;
    Ok(found)
}

fn collect(
    value: &Value,
    at: &str,
    found: &mut Vec<(String, Reference)>,
) -> Result<(), (String, BadReference)> {
    match value {
        Value::String(text) => {
            if let Some(reference) = Reference::read(text).map_err(|bad| (at.to_owned(), bad))? {
                found.push((at.to_owned(), reference));
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(nth, item)| collect(item, &format!("{at}/{nth}"), found))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            collect(value, &format!("{at}/{}", crate::problem::token(name)), found)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// What stands behind a source at the moment.
#[derive(Debug, Clone)]
pub enum Sourced {
    /// Its value.
    Value(Arc<Value>),
    /// It was skipped: every path into it leads to null.
    Skipped,
    /// There is nothing (yet).
    Missing,
}

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{reference}` leads nowhere: {why}")]
pub struct Unresolved {
    /// The reference as it was written.
    pub reference: String,
    /// What is missing.
    pub why: &'static str,
}

/// Replaces every reference within a template by the value that it leads to.
///
/// `source` gives what stands behind a source.
///
/// # Errors
/// The first reference that leads nowhere.
pub fn resolve(template: &Value, source: &dyn Fn(&Source) -> Sourced) -> Result<Value, Unresolved> {
    match template {
        Value::String(text) => match Reference::read(text) {
            Ok(Some(reference)) => resolve_one(&reference, source),
            // What looks like a broken reference was refused when the contract was agreed.
            Ok(None) | Err(_) if text.starts_with("$${") => Ok(Value::String(text.chars().skip(1).collect())),
            Ok(None) | Err(_) => Ok(template.clone()),
        },
        Value::Array(items) => {
            items.iter().map(|item| resolve(item, source)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| Ok((name.clone(), resolve(value, source)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(template.clone()),
    }
}

/// The value that one reference leads to.
///
/// # Errors
/// A reference that leads nowhere.
pub fn resolve_one(reference: &Reference, source: &dyn Fn(&Source) -> Sourced) -> Result<Value, Unresolved> {
    let lost = |why| Unresolved { reference: reference.to_string(), why };
    match source(&reference.source) {
        Sourced::Value(whole) => {
            reference.follow(&whole).cloned().ok_or_else(|| lost("the value has no such member or item"))
        }
        Sourced::Skipped => Ok(Value::Null),
        Sourced::Missing => Err(lost("there is no such output")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_read_and_written() {
        for text in [
            "${input}",
            "${input.applicant_id}",
            "${input.items[0].name}",
            "${steps.credit.output}",
            "${steps.credit.output.bands[12][3].x-y}",
            "${previous.score}",
            "${item}",
            "${item.sku}",
            "${steps.credit.status}",
            "${steps.credit.error.code}",
        ] {
            assert_eq!(Reference::read(text).unwrap().unwrap().to_string(), text);
        }
    }

    #[test]
    fn plain_texts_are_plain() {
        for text in ["", "plain", "costs $5", "$${input}", "{input}", "$input"] {
            assert_eq!(Reference::read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_reference_and_is_none_is_refused() {
        for text in [
            "Hello ${input.name}",
            "${input} ",
            "${input.name",
            "${}",
            "${env.HOME}",
            "${steps.credit}",
            "${steps.credit.status.x}",
            "${steps.credit.fault}",
            "${steps..output}",
            "${input..a}",
            "${input.a[x]}",
            "${input.a[-1]}",
            "${input[}",
            "${${input}}",
            "${input.a || 1}",
            "${__proto__}",
            &format!("${{input.{}}}", "a".repeat(600)),
        ] {
            assert!(Reference::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn templates_are_filled() {
        let source = |wanted: &Source| match wanted {
            Source::Input => Sourced::Value(Arc::new(json!({"id": 7, "list": [{"x": "${input.id}"}]}))),
            Source::Previous => Sourced::Skipped,
            _ => Sourced::Missing,
        };
        let filled = resolve(
            &json!({"a": ["${input.id}", "$${b}"], "c": "${input.list[0].x}", "d": "${previous.y}"}),
            &source,
        );
        // Data that looks like a reference stays data.
        assert_eq!(filled.unwrap(), json!({"a": [7, "${b}"], "c": "${input.id}", "d": null}));
        let lost = resolve(&json!("${steps.a.output}"), &source).unwrap_err();
        assert_eq!(lost.to_string(), "`${steps.a.output}` leads nowhere: there is no such output");
    }
}
