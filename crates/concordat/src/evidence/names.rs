//! The files that evidence may consist of. Any other name is refused, so none can lead anywhere.

use std::fmt;

/// A file of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The edge of the tree before the first record.
    Before,
    /// The checkpoint over the last record.
    Checkpoint,
    /// The proof that the log continues an earlier checkpoint.
    Consistency,
    /// That earlier checkpoint.
    Earlier,
    /// The log's public keys.
    Keys,
    /// The list of all other files.
    Manifest,
    /// Content whose SHA-256 is the file's name.
    Addressed,
    /// The records.
    Records,
    /// What is made from the records, or explains them.
    Paper,
}

impl Name {
    /// The name, if there is such a file in evidence.
    pub(super) fn parse(path: &[u8]) -> Option<Name> {
        let path = std::str::from_utf8(path).ok()?;
        part(path).map(|_| Name(path.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn part(&self) -> Part {
        // What has no part was not parsed.
        part(&self.0).unwrap_or(Part::Paper)
    }

    /// The digits of the digest that the name says.
    pub(super) fn digest(&self) -> Option<&str> {
        let (_, file) = self.0.split_once('/')?;
        Some(file.strip_suffix(".json").unwrap_or(file))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn part(path: &str) -> Option<Part> {
    Some(match path {
        "before" => Part::Before,
        "checkpoint" => Part::Checkpoint,
        "consistency" => Part::Consistency,
        "earlier" => Part::Earlier,
        "log.vkey" => Part::Keys,
        "manifest.json" => Part::Manifest,
        "records.jsonl" => Part::Records,
        "VERIFY.md" | "report.json" | "report.html" | "report.pdf" | "report.csv" => Part::Paper,
        _ => {
            let policy = path.strip_prefix("policies/").and_then(|file| file.strip_suffix(".json"));
            let digits = policy.or_else(|| path.strip_prefix("payloads/"))?;
            let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            return (digits.len() == 64 && digits.bytes().all(lower)).then_some(Part::Addressed);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_agreed_form_are_taken() {
        let digest = "0123456789abcdef".repeat(4);
        for (path, wanted) in [
            ("records.jsonl", Some(Part::Records)),
            ("VERIFY.md", Some(Part::Paper)),
            (&format!("policies/{digest}.json"), Some(Part::Addressed)),
            (&format!("payloads/{digest}"), Some(Part::Addressed)),
            ("", None),
            ("/etc/passwd", None),
            ("../records.jsonl", None),
            ("./records.jsonl", None),
            ("records.jsonl/", None),
            ("records.jsonl\0", None),
            ("RECORDS.JSONL", None),
            ("payloads/../checkpoint", None),
            (&format!("payloads/{}", digest.to_uppercase()), None),
            (&format!("payloads/{digest}0"), None),
            (&format!("policies/{digest}"), None),
        ] {
            assert_eq!(Name::parse(path.as_bytes()).map(|name| name.part()), wanted, "{path}");
        }
        assert_eq!(Name::parse(b"\xff"), None);
    }
}
