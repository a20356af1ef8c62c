//! Documents as people hand them over: a file, or `-` for standard input, bounded before anything is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use concordat_model::document::{self, MAX_BYTES, Notation};
use concordat_model::problem::Problems;
use serde_json::Value;

/// A document's text, and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file as it was named, or `stdin`.
    pub name: String,
    /// The text.
    pub bytes: Vec<u8>,
    /// How it is written.
    pub notation: Notation,
}

/// A document that cannot be read, or is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why not.
        why: io::Error,
    },
    /// The file is larger than any document may be.
    #[error("`{name}` is larger than {MAX_BYTES} bytes: split it into several contracts")]
    TooLarge {
        /// The file.
        name: String,
    },
    /// Something in it is wrong.
    #[error("{problems}")]
    Wrong {
        /// The document.
        document: Box<Document>,
        /// What is wrong.
        problems: Problems,
    },
}

impl Document {
    /// Reads a file, or standard input when it is called `-`.
    ///
    /// # Errors
    /// It cannot be read, or is too large.
    pub fn read(path: &str) -> Result<Document, DocumentError> {
        let name = if path == "-" { "stdin" } else { path };
        let unreadable = |why| DocumentError::Unreadable { name: name.to_owned(), why };
        let bytes = if path == "-" {
            bounded(io::stdin().lock())
        } else {
            let file = File::open(path).map_err(unreadable)?;
            // A directory opens like a file and only fails when it is read; a device may never end.
            match file.metadata().map_err(unreadable)? {
                data if data.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
                data if data.len() > MAX_BYTES as u64 => {
                    return Err(DocumentError::TooLarge { name: name.to_owned() });
                }
                _ => bounded(file),
            }
        };
        let bytes = bytes.map_err(unreadable)?;
        if bytes.len() > MAX_BYTES {
            return Err(DocumentError::TooLarge { name: name.to_owned() });
        }
        let notation = notation(path, &bytes);
        Ok(Document { name: name.to_owned(), bytes, notation })
    }

    /// The document as a plain value.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn value(&self) -> Result<Value, DocumentError> {
        document::read_value(&self.bytes, self.notation).map_err(|problems| self.wrong(problems))
    }

    /// The document with what is wrong with it, each problem at its line and column.
    #[must_use]
    pub fn wrong(&self, problems: Problems) -> DocumentError {
        let problems = document::locate(&self.bytes, problems);
        DocumentError::Wrong { document: Box::new(self.clone()), problems }
    }

    /// The media type under which it is sent.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.notation {
            Notation::Yaml => "application/yaml",
            Notation::Json => "application/json",
        }
    }
}

/// Reads no more than one byte beyond what a document may have.
fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn notation(path: &str, bytes: &[u8]) -> Notation {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    match extension {
        Some("json") => Notation::Json,
        Some("yaml" | "yml") => Notation::Yaml,
        _ if bytes.trim_ascii_start().starts_with(b"{") => Notation::Json,
        _ => Notation::Yaml,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_follows_the_name_and_then_the_text() {
        for (path, text, wanted) in [
            ("a.json", "a: 1", Notation::Json),
            ("a.yaml", "{}", Notation::Yaml),
            ("a.yml", "{}", Notation::Yaml),
            ("-", " \n{\"a\":1}", Notation::Json),
            ("-", "a: 1", Notation::Yaml),
            ("a", "", Notation::Yaml),
        ] {
            assert_eq!(notation(path, text.as_bytes()), wanted, "{path} {text}");
        }
    }

    #[test]
    fn what_cannot_be_a_document_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.yaml");
        File::create(&large).unwrap().set_len(1 << 40).unwrap();
        for (path, wanted) in [
            (large.to_str().unwrap(), "is larger than 262144 bytes"),
            (folder.path().to_str().unwrap(), "cannot be read"),
            ("/dev/zero", "is larger than 262144 bytes"),
            ("no/such/file.yaml", "`no/such/file.yaml` cannot be read"),
        ] {
            let told = Document::read(path).unwrap_err().to_string();
            assert!(told.contains(wanted), "{path}: {told}");
        }
    }
}
