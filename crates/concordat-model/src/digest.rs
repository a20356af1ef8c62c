//! Digests of content: SHA-256 over the canonical form of a document.
//!
//! The canonical form is RFC 8785, so the YAML and the JSON form of one contract have one digest.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some content; its text form is `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these very bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of a document's canonical form.
    ///
    /// # Errors
    /// A document that cannot be written as JSON, such as one whose map has keys that are not text.
    pub fn of_json(document: &impl Serialize) -> Result<Digest, NoCanonicalForm> {
        canonical(document).map(|bytes| Digest::of(&bytes))
    }

    /// A digest that was computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A document's canonical form: RFC 8785 in UTF-8.
///
/// # Errors
/// A document that cannot be written as JSON.
pub fn canonical(document: &impl Serialize) -> Result<Vec<u8>, NoCanonicalForm> {
    serde_json_canonicalizer::to_vec(document).map_err(|error| NoCanonicalForm(error.to_string()))
}

/// A document that has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document has no canonical form: {0}")]
pub struct NoCanonicalForm(String);

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: it should look like `sha256:` and 64 hexadecimal digits")]
pub struct BadDigest(String);

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Digest, BadDigest> {
        let bad = || BadDigest(text.chars().take(80).collect());
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64).ok_or_else(bad)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = pair
                .iter()
                .try_fold(0, |byte, digit| nibble(*digit).map(|n| (byte << 4) | n))
                .ok_or_else(bad)?;
        }
        Ok(Digest(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = BadDigest;

    fn try_from(text: String) -> Result<Digest, BadDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_members_does_not_matter() {
        let one = Digest::of_json(&json!({"b": 1, "a": [1.5, "é"]})).unwrap();
        let other: serde_json::Value = serde_json::from_str(r#"{"a":[1.50,"\u00e9"],"b":1}"#).unwrap();
        assert_eq!(one, Digest::of_json(&other).unwrap());
        assert_eq!(one.to_string().parse::<Digest>().unwrap(), one);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "sha256:", "sha256:zz", &format!("sha256:{}", "G".repeat(64)), &"a".repeat(71)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
