//! What one policy bundle changes against another, file by file, from their documents.
//!
//! It reads the stored documents and not the policy itself: what they mean is for `concordat-policy`, and a report must
//! show what was stored even if no program of today could load it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use similar::TextDiff;

/// What changed in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Its path; `data` for the data of the bundle.
    pub path: String,
    /// The change, as a unified diff.
    pub diff: String,
}

/// What changed, of the two documents of bundles; whatever has no files has none.
#[must_use]
pub fn between(old: &Value, new: &Value) -> Vec<FileDiff> {
    let (old, new) = (texts(old), texts(new));
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    let text = |texts: &BTreeMap<String, String>, path: &String| texts.get(path).cloned().unwrap_or_default();
    changed
        .map(|path| {
            let (before, after) = (text(&old, path), text(&new, path));
            let diff = TextDiff::from_lines(&before, &after);
            FileDiff { path: path.clone(), diff: diff.unified_diff().header(path, path).to_string() }
        })
        .collect()
}

/// The files of a bundle's document, and its data as one more.
fn texts(document: &Value) -> BTreeMap<String, String> {
    let files = document.get("files").and_then(Value::as_object).into_iter().flatten();
    let files = files.filter_map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned())));
    let mut texts: BTreeMap<String, String> = files.collect();
    let data = document.get("data").filter(|data| data.as_object().is_some_and(|data| !data.is_empty()));
    texts.extend(data.map(|data| ("data".to_owned(), format!("{data:#}\n"))));
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_and_data_are_compared_line_by_line() {
        let old = json!({"files": {"a.rego": "x\ny\n", "b.rego": "same\n", "c.rego": "gone\n"}, "data": {}});
        let new = json!({"files": {"a.rego": "x\nz\n", "b.rego": "same\n"}, "data": {"limit": 7}});
        let found: Vec<(String, String)> =
            between(&old, &new).into_iter().map(|file| (file.path, file.diff)).collect();
        let diff = |path: &str, rest: &str| (path.to_owned(), format!("--- {path}\n+++ {path}\n{rest}"));
        assert_eq!(
            found,
            [
                diff("a.rego", "@@ -1,2 +1,2 @@\n x\n-y\n+z\n"),
                diff("c.rego", "@@ -1 +0,0 @@\n-gone\n"),
                diff("data", "@@ -0,0 +1,3 @@\n+{\n+  \"limit\": 7\n+}\n"),
            ]
        );
        assert!(between(&old, &old).is_empty());
        assert!(between(&json!(7), &json!({"files": [], "data": 7})).is_empty());
    }
}
