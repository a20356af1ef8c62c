//! The manifest: what a bundle calls itself, and which paths it claims.

use std::collections::BTreeMap;
use std::fmt;

use concordat_model::document::{self, Notation};
use concordat_model::problem::Problem;
use serde::{Deserialize, Serialize};

use super::{BundleError, MANIFEST};

/// The paths under `data` that a bundle claims, such as `concordat/admit`; nothing of it lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roots(Vec<String>);

impl Default for Roots {
    fn default() -> Roots {
        Roots(vec![String::new()])
    }
}

/// The longest label.
const MOST_LABEL: usize = 200;
/// The most roots.
const MOST_ROOTS: usize = 100;

impl Roots {
    /// Whether a path, such as `concordat/admit/limits`, lies under a root.
    #[must_use]
    pub fn hold(&self, path: &str) -> bool {
        self.0.iter().any(|root| under(path, root))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.0.is_empty() || self.0.len() > MOST_ROOTS {
            return Err(format!("a bundle has between 1 and {MOST_ROOTS} roots"));
        }
        for (at, root) in self.0.iter().enumerate() {
            let odd = root.starts_with('/')
                || root.ends_with('/')
                || root
                    .split('/')
                    .any(|part| matches!(part, "." | "..") || part.is_empty() && !root.is_empty())
                || root.chars().any(char::is_control)
                || root.len() > 200;
            let shown: String = root.chars().take(60).flat_map(char::escape_debug).collect();
            if odd {
                return Err(format!("`{shown}` is not a root: write it like `concordat/admit`"));
            }
            let mut earlier = self.0.iter().take(at);
            if let Some(other) = earlier.find(|other| under(root, other) || under(other, root)) {
                return Err(format!("the roots `{other}` and `{shown}` overlap: keep the shorter one"));
            }
        }
        Ok(())
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Roots::default()
    }
}

fn under(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, root) in self.0.iter().enumerate() {
            write!(f, "{}`{root}`", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// What a bundle says about itself.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) label: Option<String>,
    pub(super) roots: Roots,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    revision: Option<String>,
    roots: Option<Roots>,
    rego_version: Option<u64>,
    file_rego_versions: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    wasm: Vec<serde_json::Value>,
    /// Whatever somebody wants to say beside; it decides nothing.
    #[serde(rename = "metadata")]
    _metadata: Option<serde_json::Value>,
}

/// Reads a manifest.
pub(super) fn read(text: &str) -> Result<Manifest, BundleError> {
    let refused =
        |problem: Problem| BundleError::Json { path: MANIFEST.to_owned(), problem: Box::new(problem) };
    let wrong = |message: &str| refused(Problem::new("bundle-manifest", "", message));
    let raw: Raw = document::read(text.as_bytes(), Notation::Json).map_err(|problems| {
        problems.all().first().cloned().map_or_else(|| wrong("it cannot be read"), refused)
    })?;
    let mut versions = raw.file_rego_versions.iter().flatten().map(|(_, version)| *version);
    if raw.rego_version.is_some_and(|version| version != 1) || versions.any(|version| version != 1) {
        return Err(wrong("only Rego of version 1 is read: rewrite the policy with `opa fmt --v0-v1`"));
    }
    if !raw.wasm.is_empty() {
        return Err(wrong("compiled policies are not run: put the Rego into the bundle"));
    }
    let roots = raw.roots.unwrap_or_default();
    roots.check().map_err(|why| wrong(&why))?;
    let label = raw.revision.filter(|label| !label.is_empty());
    check_label(label.as_deref()).map_err(|why| wrong(&why))?;
    Ok(Manifest { label, roots })
}

pub(super) fn check_label(label: Option<&str>) -> Result<(), String> {
    match label {
        Some(label)
            if label.is_empty() || label.len() > MOST_LABEL || label.chars().any(char::is_control) =>
        {
            Err(format!("a bundle's `revision` is a text of at most {MOST_LABEL} bytes in one line"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str) {
        let told = match read(text) {
            Ok(manifest) => format!("{} {}", manifest.label.unwrap_or_default(), manifest.roots),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(wanted), "{text} gave: {told}");
    }

    #[test]
    fn manifests_are_read_strictly() {
        check("{}", " ``");
        check(r#"{"revision": "v7", "roots": ["a", "b/c"], "rego_version": 1}"#, "v7 `a`, `b/c`");
        check(r#"{"metadata": {"team": "x"}, "wasm": []}"#, " ``");
        check(r#"{"rego_version": 0}"#, "`.manifest`: only Rego of version 1");
        check(r#"{"rego_version": 1, "file_rego_versions": {"/a.rego": 0}}"#, "only Rego of version 1");
        check(r#"{"wasm": [{"entrypoint": "a"}]}"#, "compiled policies are not run");
        check(r#"{"roots": ["a", "a/b"]}"#, "the roots `a` and `a/b` overlap");
        check(r#"{"roots": ["", "a"]}"#, "the roots `` and `a` overlap");
        check(r#"{"roots": ["ab", "a"]}"#, " `ab`, `a`");
        check(r#"{"roots": ["../a"]}"#, "`../a` is not a root");
        check(r#"{"roots": ["/a"]}"#, "`/a` is not a root");
        check(r#"{"roots": []}"#, "between 1 and 100 roots");
        check("{\n \"root\": []}", "`.manifest`:2:");
        check(r#"{"revision": "a\nb"}"#, "in one line");
    }
}
