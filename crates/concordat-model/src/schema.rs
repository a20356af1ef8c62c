//! JSON Schemas that people attach to contracts and skills: compiled once, checked without surprises.
//!
//! Nothing is fetched, patterns run in linear time, and a schema that refers to itself without end is refused
//! before it is used.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// A compiled JSON Schema (2020-12).
#[derive(Clone)]
pub struct Schema(Arc<jsonschema::Validator>);

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// The schema itself breaks the rules of JSON Schema.
    #[error("this is not a JSON Schema: {0}")]
    Form(String),
    /// The schema refers to something outside itself.
    #[error("`{0}` refers outside the schema: only references that begin with `#` are followed")]
    Outside(String),
    /// The schema leads back to itself without consuming anything.
    #[error("`{0}` leads back to itself")]
    Endless(String),
}

/// What does not fit a schema: the pointer of the place, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The place in the checked value, as a JSON pointer.
    pub pointer: String,
    /// Why it does not fit.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the value" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

/// The most misfits that are reported of one value.
const MOST: usize = 10;
/// The most references that may lead from one to the next.
const MOST_HOPS: usize = 64;

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// A schema that breaks the rules, refers outside itself, or leads back to itself.
    pub fn compile(schema: &Value) -> Result<Schema, BadSchema> {
        references(schema, schema, &mut Vec::new())?;
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(schema)
            .map(|validator| Schema(Arc::new(validator)))
            .map_err(|error| BadSchema::Form(shorten(&error.to_string())))
    }

    /// What in the value does not fit; empty when everything does.
    #[must_use]
    pub fn misfits(&self, value: &Value) -> Vec<Misfit> {
        if self.0.is_valid(value) {
            return Vec::new();
        }
        self.0
            .iter_errors(value)
            .take(MOST)
            .map(|error| Misfit {
                pointer: error.instance_path().to_string(),
                message: shorten(&error.masked_with("the value").to_string()),
            })
            .collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

/// Refuses references that leave the schema or chase each other.
fn references<'s>(node: &'s Value, root: &'s Value, done: &mut Vec<&'s str>) -> Result<(), BadSchema> {
    match node {
        Value::Object(members) => {
            for name in ["$ref", "$dynamicRef", "$recursiveRef", "$id", "$schema"] {
                let Some(target) = members.get(name).and_then(Value::as_str) else { continue };
                match name {
                    "$schema" => {}
                    "$id" => return Err(BadSchema::Outside(target.to_owned())),
                    _ if !target.starts_with('#') => return Err(BadSchema::Outside(target.to_owned())),
                    _ => chase(target, root, &mut Vec::new(), done)?,
                }
            }
            members.values().try_for_each(|value| references(value, root, done))
        }
        Value::Array(items) => items.iter().try_for_each(|item| references(item, root, done)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Follows in-place applicators from a reference; coming back to one on the way would never end.
fn chase<'s>(
    target: &'s str,
    root: &'s Value,
    way: &mut Vec<&'s str>,
    done: &mut Vec<&'s str>,
) -> Result<(), BadSchema> {
    if way.contains(&target) || way.len() > MOST_HOPS {
        return Err(BadSchema::Endless(target.to_owned()));
    }
    if done.contains(&target) {
        return Ok(());
    }
    way.push(target);
    let node =
        if target == "#" { Some(root) } else { target.strip_prefix('#').and_then(|at| root.pointer(at)) };
    let mut next = Vec::new();
    if let Some(node) = node {
        in_place(node, &mut next);
    }
    next.into_iter().try_for_each(|target| chase(target, root, way, done))?;
    way.pop();
    done.push(target);
    Ok(())
}

/// The references that apply to the very same value as this schema does.
fn in_place<'s>(node: &'s Value, open: &mut Vec<&'s str>) {
    let Value::Object(members) = node else { return };
    for (name, value) in members {
        match (name.as_str(), value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => open.push(target),
            ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => {
                list.iter().for_each(|one| in_place(one, open));
            }
            ("not" | "if" | "then" | "else", one) => in_place(one, open),
            ("dependentSchemas", Value::Object(each)) => each.values().for_each(|one| in_place(one, open)),
            _ => {}
        }
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 300 {
        return text.to_owned();
    }
    text.chars().take(300).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fit_or_are_told_where_not() {
        let schema = Schema::compile(&json!({
            "type": "object", "required": ["id"],
            "properties": {"id": {"type": "string"}, "n": {"minimum": 3}, "tree": {"$ref": "#/$defs/t"}},
            "$defs": {"t": {"type": "object", "additionalProperties": {"$ref": "#/$defs/t"}}}
        }))
        .unwrap();
        assert_eq!(schema.misfits(&json!({"id": "x", "tree": {"a": {"b": {}}}})), []);
        let misfits = schema.misfits(&json!({"n": 1}));
        let told: Vec<_> = misfits.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|one| one.starts_with("/n: ")), "{told:?}");
    }

    #[test]
    fn hostile_schemas_are_refused() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$id": "https://example.com/a"}),
            json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"type": "nonsense"}),
            json!({"pattern": "("}),
            json!({"properties": {"a": {"not": {"$ref": "#/properties/a"}}}}),
        ] {
            assert!(Schema::compile(&schema).is_err(), "{schema}");
        }
    }
}
