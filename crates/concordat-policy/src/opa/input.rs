//! What questions are about, and the bodies that carry it.

use regorus::Value;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{LONGEST_QUERY, MOST_INPUT, Refused};

/// What is asked about, as it was sent and as it is evaluated.
#[derive(Debug, Clone)]
pub struct Input {
    pub(super) value: Value,
    text: Box<[u8]>,
}

/// Reads JSON of any form. Numbers beyond 64 bits become floats of 64 bits.
pub(super) fn json(bytes: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(bytes).map_err(|error| Refused::Parameter(error.to_string()))
}

impl Input {
    /// Reads an input.
    ///
    /// # Errors
    /// It is no JSON, or too large.
    pub fn read(bytes: &[u8]) -> Result<Input, Refused> {
        if bytes.len() > MOST_INPUT {
            return Err(Refused::TooLarge(format!("an input has {MOST_INPUT} bytes at most")));
        }
        Ok(Input { value: json(bytes)?, text: bytes.into() })
    }

    /// An input that nobody has sent.
    pub(super) fn of(value: Value) -> Input {
        Input { value, text: Box::default() }
    }

    /// The input as it was sent.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.text
    }
}

/// A body of OPA's data and query API, as far as it is looked at.
#[derive(Deserialize)]
struct Body<'b> {
    // `null` is an input too.
    #[serde(borrow, default, deserialize_with = "present")]
    input: Option<&'b RawValue>,
    query: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The members of a body of OPA's data and query API: the input, and the query.
///
/// # Errors
/// It is no JSON object, or too large.
pub fn bindings(body: &[u8]) -> Result<(Option<Input>, Option<String>), Refused> {
    if body.len() > MOST_INPUT + LONGEST_QUERY {
        return Err(Refused::TooLarge(format!("an input has {MOST_INPUT} bytes at most")));
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refused::Parameter("the body must be a JSON object with an `input`".to_owned()));
    }
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| Refused::Parameter(error.to_string()))?;
    let input = body.input.map(|text| Input::read(text.get().as_bytes())).transpose()?;
    Ok((input, body.query))
}
