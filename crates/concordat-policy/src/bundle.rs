//! The policy bundle: Rego files by path, data, and the roots that both stay under.
//!
//! A bundle is text that somebody wrote, so its size and nesting are refused here, in time linear in its length.
//! What the text *means* is for [`Policy::load`](crate::Policy::load) to find out. Its parts lie as OPA wants them:
//! `*.rego` anywhere, `data.json` in the folder whose path its data has, `.manifest` at the top.
//!
//! A bundle is stored and named by its [document](Bundle::document): one canonical JSON object, whose digest is
//! the [revision](Bundle::revision).

pub mod archive;
mod data;
mod document;
mod manifest;

use std::collections::BTreeMap;

use concordat_model::digest::Digest;
use concordat_model::problem::Problem;
use serde_json::{Map, Value};

use self::manifest::Manifest;
pub use self::manifest::Roots;
use crate::nesting::{Nesting, Spent};

/// The Rego files and the data of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
    data: Map<String, Value>,
    label: Option<String>,
    roots: Roots,
}

/// The largest file, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// The longest file, in lines.
pub const MOST_LINES: usize = 2_000;
/// The most files in a bundle.
pub const MOST_FILES: usize = 256;
/// The largest bundle, in bytes.
pub const MOST_TOTAL: usize = 1024 * 1024;

/// The largest document of a bundle, in bytes: its text within quotes, and the rest.
pub const MOST_DOCUMENT: usize = 4 * MOST_TOTAL;

/// What ends a file of tests: it belongs to the bundle and decides nothing.
pub(crate) const TESTS: &str = "_test.rego";
/// The name of a file of data.
pub const DATA: &str = "data.json";
/// The path of the manifest.
pub const MANIFEST: &str = ".manifest";

macro_rules! embedded {
    ($($path:literal,)+) => {
        [$(($path, include_str!(concat!("../../../policies/", $path))),)+]
    };
}

/// The standard bundle, tests included.
const STANDARD: &[(&str, &str)] = &embedded![
    "access/access.rego",
    "access/access_invariants_test.rego",
    "access/access_test.rego",
    "admit/admit.rego",
    "admit/admit_invariants_test.rego",
    "admit/admit_test.rego",
    "common/common.rego",
    "common/common_test.rego",
    "cookbook/approval_quorum.rego",
    "cookbook/approval_quorum_test.rego",
    "cookbook/budget.rego",
    "cookbook/budget_test.rego",
    "cookbook/capability_match.rego",
    "cookbook/capability_match_test.rego",
    "cookbook/meanings.rego",
    "cookbook/meanings_test.rego",
    "cookbook/data_classes.rego",
    "cookbook/data_classes_test.rego",
    "cookbook/domain_boundary.rego",
    "cookbook/domain_boundary_test.rego",
    "cookbook/four_eyes_on_agents.rego",
    "cookbook/four_eyes_on_agents_test.rego",
    "cookbook/geography.rego",
    "cookbook/geography_test.rego",
    "cookbook/output_size.rego",
    "cookbook/output_size_test.rego",
    "cookbook/preference.rego",
    "cookbook/preference_test.rego",
    "cookbook/proven_skills.rego",
    "cookbook/proven_skills_test.rego",
    "cookbook/tainted_input.rego",
    "cookbook/tainted_input_test.rego",
    "cookbook/time_window.rego",
    "cookbook/time_window_test.rego",
    "cookbook/trust_by_risk.rego",
    "cookbook/trust_by_risk_test.rego",
    "dispatch/dispatch.rego",
    "dispatch/dispatch_invariants_test.rego",
    "dispatch/dispatch_test.rego",
    "enroll/enroll.rego",
    "enroll/enroll_invariants_test.rego",
    "enroll/enroll_test.rego",
    "promote/promote.rego",
    "promote/promote_invariants_test.rego",
    "promote/promote_test.rego",
    "release/release.rego",
    "release/release_invariants_test.rego",
    "release/release_test.rego",
];

/// A file that cannot be part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The path is empty, too long, absolute, or climbs out of the bundle.
    #[error(
        "`{path}` is not the path of a policy file: write it like `admit/admit.rego` or `limits/data.json`"
    )]
    Path {
        /// The beginning of the path.
        path: String,
    },
    /// Two files share a path.
    #[error("`{path}` is in the bundle twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// The file is larger than [`MOST_BYTES`].
    #[error("`{path}` has {bytes} bytes; the most is {MOST_BYTES}: split it")]
    Bytes {
        /// The path.
        path: String,
        /// Its size.
        bytes: usize,
    },
    /// The file is longer than [`MOST_LINES`].
    #[error("`{path}` has {lines} lines; the most is {MOST_LINES}: split it")]
    Lines {
        /// The path.
        path: String,
        /// Its length.
        lines: usize,
    },
    /// The bundle holds more than [`MOST_FILES`] files or [`MOST_TOTAL`] bytes.
    #[error("the bundle is too large: the most is {MOST_FILES} files and {MOST_TOTAL} bytes in all")]
    Total,
    /// The file is not plain text.
    #[error("`{path}` is not text: byte {byte} is not UTF-8, or is a NUL")]
    Text {
        /// The path.
        path: String,
        /// The first byte that is not.
        byte: usize,
    },
    /// The file nests so deeply, or the bundle so much, that reading it would take seconds.
    #[error("`{path}`:{line}:{column}: {problem}")]
    Nesting {
        /// The path.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        problem: Nesting,
    },
    /// A file of data or the manifest cannot be read, or does not fit the rest.
    #[error("{}: {}", place(path, problem), problem.message)]
    Json {
        /// The path.
        path: String,
        /// What is wrong, and where.
        problem: Box<Problem>,
    },
    /// The bytes are not the document of a bundle.
    #[error("this is not the document of a bundle: {why}")]
    Document {
        /// Why not.
        why: String,
    },
}

fn place(path: &str, problem: &Problem) -> String {
    match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("`{path}`:{line}:{column}"),
        _ => format!("`{path}`"),
    }
}

impl Bundle {
    /// The bundle that Concordat comes with: `policies/`, tests included.
    #[must_use]
    pub fn standard() -> Bundle {
        Bundle {
            files: STANDARD.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect(),
            data: Map::new(),
            label: None,
            roots: Roots::default(),
        }
    }

    /// A bundle of these files: `*.rego`, `data.json` in any folder, and `.manifest`.
    ///
    /// # Errors
    /// The first file that cannot be part of a bundle.
    pub fn from_files<P, T>(files: impl IntoIterator<Item = (P, T)>) -> Result<Bundle, BundleError>
    where
        P: AsRef<str>,
        T: AsRef<[u8]>,
    {
        let mut gathered = Gathered::default();
        for (path, bytes) in files {
            gathered.add(path.as_ref(), bytes.as_ref())?;
        }
        let Manifest { label, roots } = gathered.manifest.unwrap_or_default();
        let data = data::merge(&gathered.data, &roots)?;
        Ok(Bundle { files: gathered.files, data, label, roots })
    }

    /// Every Rego file, tests included, in the order of its paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files that decide: everything but `*_test.rego`.
    pub fn deciding(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| !path.ends_with(TESTS))
    }

    /// What rules find under `data` beside each other.
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// What its author calls it: `revision` in the manifest. It says nothing about the content.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The paths that everything in the bundle stays under.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The digest of the bundle's [document](Bundle::document), tests and label included.
    #[must_use]
    pub fn revision(&self) -> Digest {
        Digest::of(&self.document())
    }
}

/// What is known of a bundle while its files come in.
#[derive(Default)]
struct Gathered {
    files: BTreeMap<String, String>,
    data: BTreeMap<String, String>,
    manifest: Option<Manifest>,
    total: usize,
    spent: Spent,
}

impl Gathered {
    fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError> {
        check_path(path)?;
        self.total += bytes.len();
        let count = self.files.len() + self.data.len();
        if self.total > MOST_TOTAL || count == MOST_FILES {
            return Err(BundleError::Total);
        }
        let twice = || BundleError::Twice { path: path.to_owned() };
        if path == MANIFEST {
            let manifest = manifest::read(check_plain(path, bytes)?)?;
            return self.manifest.replace(manifest).map_or(Ok(()), |_| Err(twice()));
        }
        let (into, text) = if path.ends_with(".rego") {
            (&mut self.files, check_text(path, bytes, &mut self.spent)?)
        } else {
            (&mut self.data, check_plain(path, bytes)?)
        };
        into.insert(path.to_owned(), text.to_owned()).map_or(Ok(()), |_| Err(twice()))
    }
}

/// The paths that a bundle has a place for.
fn check_path(path: &str) -> Result<(), BundleError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let climbs = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    let known = path.ends_with(".rego")
        || path == MANIFEST
        || path.rsplit('/').next().is_some_and(|name| name == DATA);
    if path.len() <= 200 && known && path.chars().all(plain) && !climbs {
        return Ok(());
    }
    Err(BundleError::Path { path: path.chars().take(60).flat_map(char::escape_debug).collect() })
}

pub(crate) fn check_text<'a>(path: &str, bytes: &'a [u8], spent: &mut Spent) -> Result<&'a str, BundleError> {
    let path = || path.to_owned();
    if bytes.len() > MOST_BYTES {
        return Err(BundleError::Bytes { path: path(), bytes: bytes.len() });
    }
    let text = check_plain(&path(), bytes)?;
    let lines = text.lines().count();
    if lines > MOST_LINES {
        return Err(BundleError::Lines { path: path(), lines });
    }
    spent.add(text).map_err(|(line, column, problem)| BundleError::Nesting {
        path: path(),
        line,
        column,
        problem,
    })?;
    Ok(text)
}

fn check_plain<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, BundleError> {
    let text = |byte| BundleError::Text { path: path.to_owned(), byte };
    let plain = std::str::from_utf8(bytes).map_err(|error| text(error.valid_up_to()))?;
    plain.find('\0').map_or(Ok(plain), |byte| Err(text(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &str, text: &[u8]) -> String {
        Bundle::from_files([(path, text)]).unwrap_err().to_string()
    }

    #[test]
    fn the_standard_bundle_is_the_folder_and_keeps_its_own_bounds() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let mut found = Vec::new();
        for folder in ["common", "access", "admit", "cookbook", "dispatch", "enroll", "promote", "release"] {
            for file in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
        assert_eq!(Bundle::from_files(found).unwrap(), Bundle::standard());
    }

    #[test]
    fn everything_is_under_the_revision() {
        let plain = ("a.rego", "package a");
        let one = Bundle::from_files([plain]).unwrap();
        assert_eq!(
            one.revision(),
            Bundle::from_files([plain, (MANIFEST, "{\"roots\": [\"\"]}")]).unwrap().revision()
        );
        for more in [
            ("a_test.rego", "package a_test"),
            (DATA, "{\"limits\": {}}"),
            (MANIFEST, "{\"revision\": \"two\"}"),
            (MANIFEST, "{\"roots\": [\"a\"]}"),
        ] {
            assert_ne!(one.revision(), Bundle::from_files([plain, more]).unwrap().revision(), "{more:?}");
        }
        assert_ne!(one.revision(), Bundle::from_files([("b.rego", "package a")]).unwrap().revision());
    }

    #[test]
    fn what_cannot_be_part_of_a_bundle_is_refused() {
        for (path, text, wanted) in [
            ("", &b"package a"[..], "`` is not the path of a policy file"),
            ("a.txt", b"package a", "`a.txt` is not the path"),
            ("/a.rego", b"package a", "`/a.rego` is not the path"),
            ("a/../b.rego", b"package a", "is not the path"),
            ("a\n.rego", b"package a", "`a\\n.rego` is not the path"),
            ("a.rego", &[b'a', 0xff], "byte 1 is not UTF-8"),
            ("a.rego", b"package a\0", "byte 9 is not UTF-8, or is a NUL"),
            ("a.rego", &[b'#'; MOST_BYTES + 1], "has 65537 bytes; the most is 65536"),
            ("a.rego", &[b'\n'; MOST_LINES + 1], "has 2001 lines; the most is 2000"),
            ("a.rego", b"package a\nx := [[[[[[[[[1]]]]]]]]]", "`a.rego`:2:14: "),
        ] {
            let told = refused(path, text);
            assert!(told.contains(wanted), "{told}");
        }
        let twice = Bundle::from_files([("a.rego", "package a"), ("a.rego", "package a")]).unwrap_err();
        assert_eq!(twice.to_string(), "`a.rego` is in the bundle twice");
        let many = (0..=MOST_FILES).map(|n| (format!("a{n}.rego"), "package a"));
        assert_eq!(Bundle::from_files(many).unwrap_err(), BundleError::Total);
    }
}
