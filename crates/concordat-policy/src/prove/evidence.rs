//! Prints a counterexample as a Rego test that its author can keep.

use serde_json::Value;

use super::{Counterexample, Invariant};

/// The longest line of the evaluator, less what stands around a text.
const WIDEST: usize = 900;

/// A whole file with one test, which holds once the policy is mended.
#[must_use]
pub fn as_test(invariant: &Invariant, found: &Counterexample, seed: u64) -> String {
    let (package, name) = invariant.invariant.rsplit_once('.').unwrap_or(("", &invariant.invariant));
    let short = name.trim_start_matches("invariant_");
    let mut text = format!(
        "# `{name}` {} for this input, the smallest that was found (seed {seed}, case {}).\npackage {package}_test\n\n",
        plain(&found.told),
        found.case,
    );
    text.push_str(&format!("import data.{package}\n\ntest_counterexample_{short} if {{\n"));
    let package = package.rsplit('.').next().unwrap_or_default();
    text.push_str(&format!("\t{package}.{name} with input as "));
    write(&found.input, 1, &mut text);
    text.push_str("\n}\n");
    text
}

/// One line of it: an error may have several.
fn plain(told: &str) -> String {
    told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// JSON as `opa fmt` writes it: a tab a level, and on one line what fits there.
fn write(value: &Value, depth: usize, text: &mut String) {
    let short = spaced(value);
    let flat = match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object()),
        Value::Object(members) => members.values().all(|inner| !inner.is_object() && !inner.is_array()),
        _ => true,
    };
    if flat && short.len() <= WIDEST {
        text.push_str(&short);
        return;
    }
    let indent = "\t".repeat(depth + 1);
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    text.push('\n');
    let mut entry = |name: Option<&String>, inner: &Value| {
        text.push_str(&indent);
        if let Some(name) = name {
            text.push_str(&format!("{}: ", Value::from(name.as_str())));
        }
        write(inner, depth + 1, text);
        text.push_str(",\n");
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| entry(None, item)),
        Value::Object(members) => members.iter().for_each(|(name, inner)| entry(Some(name), inner)),
        _ => {}
    }
    text.push_str(&"\t".repeat(depth));
    text.push(close);
}

/// JSON on one line, with spaces as people set them.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<String>>().join(", "))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value)));
            format!("{{{}}}", members.collect::<Vec<String>>().join(", "))
        }
        other => other.to_string(),
    }
}
