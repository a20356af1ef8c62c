//! A bundle as one canonical JSON object: what is stored, sent to the child that looks at it, and digested.
//!
//! ```text
//! {"data": {…}, "files": {path: text}, "label": "…", "roots": ["…"]}    what is empty or the default is left out
//! ```

use std::collections::BTreeMap;

use concordat_model::digest::canonical;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Bundle, BundleError, Gathered, MOST_DOCUMENT, MOST_TOTAL, Roots, data, manifest};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    data: Map<String, Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Roots::is_default")]
    roots: Roots,
}

impl Bundle {
    /// The bundle as canonical JSON bytes.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        let Bundle { files, data, label, roots } = self.clone();
        // Maps with text for keys and finite numbers always have a canonical form; the fallback keeps this total.
        canonical(&Document { data, files, label, roots }).unwrap_or_default()
    }

    /// The bundle that somebody wrote as JSON of the same form, in whatever order and with whatever white space.
    ///
    /// # Errors
    /// Bytes that are not such JSON, or hold what cannot be part of a bundle.
    pub fn from_json(bytes: &[u8]) -> Result<Bundle, BundleError> {
        let not = |why: String| BundleError::Document { why };
        if bytes.len() > MOST_DOCUMENT {
            return Err(BundleError::Total);
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|error| not(error.to_string()))?;
        Bundle::from_document(&canonical(&document).map_err(|error| not(error.to_string()))?)
    }

    /// The bundle whose document these bytes are.
    ///
    /// # Errors
    /// Bytes that are not a document, not canonical, or hold what cannot be part of a bundle.
    pub fn from_document(bytes: &[u8]) -> Result<Bundle, BundleError> {
        let not = |why: String| BundleError::Document { why };
        if bytes.len() > MOST_DOCUMENT {
            return Err(BundleError::Total);
        }
        let Document { data, files, label, roots } =
            serde_json::from_slice(bytes).map_err(|error| not(error.to_string()))?;
        manifest::check_label(label.as_deref()).map_err(not)?;
        roots.check().map_err(not)?;
        data::check(&data, &roots).map_err(not)?;
        if serde_json::to_vec(&data).map_or(usize::MAX, |bytes| bytes.len()) > MOST_TOTAL {
            return Err(BundleError::Total);
        }
        let mut gathered = Gathered::default();
        for (path, text) in &files {
            if !path.ends_with(".rego") {
                return Err(BundleError::Path {
                    path: path.chars().take(60).flat_map(char::escape_debug).collect(),
                });
            }
            gathered.add(path, text.as_bytes())?;
        }
        let bundle = Bundle { files, data, label, roots };
        // INVARIANT: a bundle that was read from a document has the digest of that document as its revision.
        if bundle.document() != bytes {
            return Err(not("it is not in its canonical form".to_owned()));
        }
        Ok(bundle)
    }
}

#[cfg(test)]
mod tests {
    use concordat_model::digest::Digest;

    use super::*;
    use crate::bundle::{DATA, MANIFEST};

    #[test]
    fn a_document_is_the_bundle() {
        let files = [
            ("a/a.rego", "package a.b\n\nx := \"\\u00e9\""),
            (DATA, r#"{"a": {"n": [1.5, 1.0, -0.0, 9007199254740991]}}"#),
            (MANIFEST, r#"{"revision": "v7", "roots": ["a"]}"#),
        ];
        for bundle in [Bundle::standard(), Bundle::from_files(files).unwrap()] {
            let document = bundle.document();
            assert_eq!(Bundle::from_document(&document).unwrap(), bundle);
            assert_eq!(bundle.revision(), Digest::of(&document));
        }
        let plain = Bundle::from_files([("a.rego", "package a")]).unwrap();
        assert_eq!(plain.document(), br#"{"files":{"a.rego":"package a"}}"#);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for (text, wanted) in [
            ("", "this is not the document of a bundle: EOF"),
            (r#"{"files":{"a.rego":"package a"}} "#, "not in its canonical form"),
            (r#"{"files":{"a.rego":"1","a.rego":"2"}}"#, "not in its canonical form"),
            (r#"{"data":{},"files":{"a.rego":"1"}}"#, "not in its canonical form"),
            (r#"{"data":{"a":1.0}}"#, "not in its canonical form"),
            (r#"{"data":{"a":9007199254740993}}"#, "is beyond 2^53"),
            (r#"{"data":{"a":1},"roots":["b"]}"#, "`a` is outside of the bundle's roots"),
            (r#"{"roots":["b","b/c"]}"#, "overlap"),
            (r#"{"label":""}"#, "`revision` is a text"),
            (r#"{"files":{"data.json":"{}"}}"#, "is not the path of a policy file"),
            (r#"{"files":{"../a.rego":"1"}}"#, "is not the path of a policy file"),
            (r#"{"file":{}}"#, "unknown field `file`"),
        ] {
            let told = Bundle::from_document(text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(wanted), "{text} gave: {told}");
        }
    }
}
