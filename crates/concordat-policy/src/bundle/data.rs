//! The data of a bundle: one object out of all `data.json`, each under the path of its folder.

use std::collections::BTreeMap;

use concordat_model::document::{self, Notation};
use concordat_model::problem::{Problem, Problems, token};
use serde_json::{Map, Value};

use super::{BundleError, DATA, Roots};

/// One object out of these files, by path.
pub(super) fn merge(
    files: &BTreeMap<String, String>,
    roots: &Roots,
) -> Result<Map<String, Value>, BundleError> {
    let mut merged = Map::new();
    for (path, text) in files {
        let refused = |problem: Problem| {
            // The reader knows where a pointer stands in the text.
            let located = document::locate(text.as_bytes(), Problems::from(problem.clone()));
            let problem = located.all().first().cloned().unwrap_or(problem);
            BundleError::Json { path: path.clone(), problem: Box::new(problem) }
        };
        let folders: Vec<&str> = path.trim_end_matches(DATA).split_terminator('/').collect();
        let content = object(text).map_err(refused)?;
        check_roots(&content, &folders.join("/"), "", roots).map_err(refused)?;
        let mut place = &mut merged;
        for folder in folders {
            let inner = place.entry(folder).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else {
                return Err(refused(conflict("", folder)));
            };
            place = inner;
        }
        add(place, content, "").map_err(refused)?;
    }
    Ok(merged)
}

fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    let value = document::read_value(text.as_bytes(), Notation::Json).map_err(|problems| {
        problems.all().first().cloned().unwrap_or_else(|| wrong("", "it cannot be read"))
    })?;
    match value {
        Value::Object(members) => normal(&members),
        _ => Err(wrong("", "data is an object: `{…}`")),
    }
}

/// The same numbers as the canonical form writes them, so that what is stored is read back as what it was.
fn normal(members: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let bytes = concordat_model::digest::canonical(members).map_err(|error| wrong("", &error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong("", &error.to_string()))
}

fn wrong(pointer: &str, message: &str) -> Problem {
    Problem::new("bundle-data", pointer, message)
}

fn conflict(pointer: &str, name: &str) -> Problem {
    let shown: String = name.chars().take(60).collect();
    let message = format!("`{shown}` is given by another file too: leave it in one of them");
    Problem::new("bundle-conflict", pointer, message)
}

/// Adds what is new; two objects become one, and nothing else is ever written over.
fn add(into: &mut Map<String, Value>, content: Map<String, Value>, pointer: &str) -> Result<(), Problem> {
    for (name, value) in content {
        let pointer = format!("{pointer}/{}", token(&name));
        match (into.get_mut(&name), value) {
            (None, value) => {
                into.insert(name, value);
            }
            (Some(Value::Object(known)), Value::Object(more)) => add(known, more, &pointer)?,
            (Some(_), _) => return Err(conflict(&pointer, &name)),
        }
    }
    Ok(())
}

/// Objects on the way to a root are free; whatever else stands outside of all roots is refused.
fn check_roots(content: &Map<String, Value>, at: &str, pointer: &str, roots: &Roots) -> Result<(), Problem> {
    if roots.hold(at) {
        return Ok(());
    }
    content.iter().try_for_each(|(name, value)| {
        let (at, pointer) = (format!("{at}/{name}"), format!("{pointer}/{}", token(name)));
        let at = at.trim_start_matches('/');
        match value {
            Value::Object(members) => check_roots(members, at, &pointer, roots),
            _ if roots.hold(at) => Ok(()),
            _ => {
                let message = format!("`{at}` is outside of the bundle's roots: {roots}");
                Err(Problem::new("bundle-roots", pointer, message))
            }
        }
    })
}

/// What a document may hold as data: what the reader of files would have let through.
pub(super) fn check(members: &Map<String, Value>, roots: &Roots) -> Result<(), String> {
    members.values().try_for_each(|value| sane(value, 0))?;
    check_roots(members, "", "", roots).map_err(|problem| problem.message)
}

/// The deepest nesting: what one file may have, under the folders that a path has room for.
const DEEPEST: usize = document::MAX_DEPTH + 100;

fn sane(value: &Value, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("data is nested more than {DEEPEST} levels deep"));
    }
    match value {
        Value::Number(number) if number.as_f64().is_none_or(|n| n.abs() > 9_007_199_254_740_991.0) => {
            Err(format!("`{number}` is beyond 2^53, where readers disagree: write it as a text"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| sane(item, depth + 1)),
        Value::Object(members) => members.values().try_for_each(|member| sane(member, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Bundle;
    use crate::bundle::MANIFEST;

    fn check(files: &[(&str, &str)], wanted: &str) {
        let told = match Bundle::from_files(files.iter().copied()) {
            Ok(bundle) => serde_json::to_string(bundle.data()).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, wanted);
    }

    #[test]
    fn data_lies_where_its_folder_lies() {
        check(
            &[
                ("data.json", r#"{"a": {"b": 1.0}, "list": [1e3, 0.5]}"#),
                ("a/data.json", r#"{"c": true}"#),
                ("a/d/data.json", "{}"),
            ],
            &json!({"a": {"b": 1, "c": true, "d": {}}, "list": [1000, 0.5]}).to_string(),
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_where_it_stands() {
        let twice = "is given by another file too: leave it in one of them";
        check(
            &[("a/data.json", "{\n  \"b\": 1\n}"), ("data.json", "{\n  \"a\": {\n    \"b\": 1}}")],
            &format!("`data.json`:3:5: `b` {twice}"),
        );
        check(
            &[("a/b/data.json", "{}"), ("a/data.json", r#"{"b": 2}"#)],
            &format!("`a/data.json`:1:2: `b` {twice}"),
        );
        check(&[("data.json", "[]")], "`data.json`:1:1: data is an object: `{…}`");
        check(&[("data.json", r#"{"a": 1, "a": 2}"#)], "`data.json`:1:12: `a` is written twice");
        check(
            &[("data.json", r#"{"a": 12345678901234567890123}"#)],
            "`data.json`:1:29: `12345678901234568000000` is beyond 2^53, where readers disagree: write it as a text",
        );
        check(
            &[
                (MANIFEST, r#"{"roots": ["a", "b/c"]}"#),
                ("data.json", "{\"b\": {\"c\": 1}, \"c\": {\"d\": 2}}"),
            ],
            "`data.json`:1:23: `c/d` is outside of the bundle's roots: `a`, `b/c`",
        );
    }
}
