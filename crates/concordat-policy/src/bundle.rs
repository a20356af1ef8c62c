//! The policy bundle: Rego files by path, bounded before anything parses them.
//!
//! A bundle is text that somebody wrote, so its size and nesting are refused here, in time linear in its length.
//! What the text *means* is for [`Policy::load`](crate::Policy::load) to find out.

use std::collections::BTreeMap;

use concordat_model::digest::Digest;

use crate::nesting::{Nesting, Spent};

/// The Rego files of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

/// The largest file, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// The longest file, in lines.
pub const MOST_LINES: usize = 2_000;
/// The most files in a bundle.
pub const MOST_FILES: usize = 256;
/// The largest bundle, in bytes.
pub const MOST_TOTAL: usize = 1024 * 1024;

/// What ends a file of tests: it belongs to the folder and decides nothing.
const TESTS: &str = "_test.rego";

macro_rules! embedded {
    ($($path:literal,)+) => {
        [$(($path, include_str!(concat!("../../../policies/", $path))),)+]
    };
}

/// The standard bundle, tests included.
const STANDARD: [(&str, &str); 10] = embedded![
    "access/access.rego",
    "access/access_test.rego",
    "admit/admit.rego",
    "admit/admit_test.rego",
    "common/common.rego",
    "common/common_test.rego",
    "dispatch/dispatch.rego",
    "dispatch/dispatch_test.rego",
    "release/release.rego",
    "release/release_test.rego",
];

/// A file that cannot be part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The path is empty, too long, absolute, or climbs out of the bundle.
    #[error("`{path}` is not the path of a policy file: write it like `admit/admit.rego`")]
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
}

impl Bundle {
    /// The bundle that Concordat comes with: `policies/`, tests included.
    #[must_use]
    pub fn standard() -> Bundle {
        Bundle {
            files: STANDARD.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect(),
        }
    }

    /// A bundle of these files.
    ///
    /// # Errors
    /// The first file that cannot be part of a bundle.
    pub fn from_files<P, T>(files: impl IntoIterator<Item = (P, T)>) -> Result<Bundle, BundleError>
    where
        P: AsRef<str>,
        T: AsRef<[u8]>,
    {
        let mut bundle = Bundle { files: BTreeMap::new() };
        let (mut total, mut spent) = (0, Spent::default());
        for (path, bytes) in files {
            let (path, bytes) = (path.as_ref(), bytes.as_ref());
            check_path(path)?;
            let text = check_text(path, bytes, &mut spent)?;
            total += bytes.len();
            if total > MOST_TOTAL || bundle.files.len() == MOST_FILES {
                return Err(BundleError::Total);
            }
            if bundle.files.insert(path.to_owned(), text.to_owned()).is_some() {
                return Err(BundleError::Twice { path: path.to_owned() });
            }
        }
        Ok(bundle)
    }

    /// Every file, tests included, in the order of its paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files that decide: everything but `*_test.rego`.
    pub fn deciding(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| !path.ends_with(TESTS))
    }

    /// The digest of the canonical JSON object `{path: text}` of the files that decide.
    ///
    /// Tests are left out: two bundles with one revision decide alike, and a new test is no new policy.
    #[must_use]
    pub fn revision(&self) -> Digest {
        let deciding: BTreeMap<&str, &str> = self.deciding().collect();
        // A map from text to text always has a canonical form; the fallback keeps this total.
        Digest::of_json(&deciding).unwrap_or_else(|_| Digest::of(b""))
    }
}

fn check_path(path: &str) -> Result<(), BundleError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let climbs = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if path.len() <= 200 && path.ends_with(".rego") && path.chars().all(plain) && !climbs {
        return Ok(());
    }
    Err(BundleError::Path { path: path.chars().take(60).flat_map(char::escape_debug).collect() })
}

fn check_text<'a>(path: &str, bytes: &'a [u8], spent: &mut Spent) -> Result<&'a str, BundleError> {
    let path = || path.to_owned();
    if bytes.len() > MOST_BYTES {
        return Err(BundleError::Bytes { path: path(), bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| BundleError::Text { path: path(), byte: error.valid_up_to() })?;
    if let Some(byte) = text.find('\0') {
        return Err(BundleError::Text { path: path(), byte });
    }
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
        for folder in ["common", "access", "admit", "dispatch", "release"] {
            for file in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
        assert_eq!(Bundle::from_files(found).unwrap(), Bundle::standard());
    }

    #[test]
    fn tests_are_not_under_the_revision() {
        let one = Bundle::from_files([("a.rego", "package a")]).unwrap();
        let tested =
            Bundle::from_files([("a.rego", "package a"), ("a_test.rego", "package a_test")]).unwrap();
        let other = Bundle::from_files([("b.rego", "package a")]).unwrap();
        assert_eq!(one.revision(), tested.revision());
        assert_ne!(one.revision(), other.revision());
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
