//! What a request to OPA's API says besides its body: the path's parts, and parameters that are there or not.

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use concordat_engine::Caller;
use concordat_model::document::{self, Notation};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::refused::No;
use crate::body;
use crate::refusal::Refusal;

/// The longest path of a document, in bytes.
const LONGEST_PATH: usize = 8 * 1024;

/// A parameter's value: the last one counts, as in OPA.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query().unwrap_or_default().rsplit('&');
    let found = pairs.find_map(|pair| match pair.split_once('=') {
        Some((key, value)) => (key == name).then_some(value),
        None => (pair == name).then_some(""),
    });
    found.map(|value| decoded(&value.replace('+', " ")))
}

/// Whether a flag is set: it is there, and does not say `false`.
pub(super) fn flag(uri: &Uri, name: &str) -> bool {
    parameter(uri, name).is_some_and(|value| value != "false")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The parts of a document's path, below this one.
pub(super) fn path(uri: &Uri, below: &str) -> Result<Vec<String>, No> {
    let rest = uri.path().strip_prefix(super::BASE).and_then(|path| path.strip_prefix(below));
    let rest = rest.unwrap_or_default();
    if rest.len() > LONGEST_PATH {
        return Err(No::parameter(format!("a path has {LONGEST_PATH} bytes at most")));
    }
    Ok(rest.split('/').filter(|part| !part.is_empty()).map(decoded).collect())
}

/// The id of a module: all that stands below this path, slashes included.
pub(super) fn id(uri: &Uri, below: &str) -> String {
    let rest = uri.path().strip_prefix(super::BASE).and_then(|path| path.strip_prefix(below));
    decoded(rest.unwrap_or_default().trim_matches('/'))
}

/// Who asks, as it was recognised.
pub(super) fn caller(request: &Request) -> Result<Caller, No> {
    Ok(request.extensions().get::<Caller>().cloned().ok_or(Refusal::Unauthenticated)?)
}

/// A body as JSON: as it came, or turned from YAML.
pub(super) async fn json(request: Request, most: usize) -> Result<Bytes, No> {
    let headers = request.headers();
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(No::with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_parameter",
            "a body is sent as it is: compressed ones are not taken",
        ));
    }
    let yaml = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let yaml = yaml.is_some_and(|media| media.contains("yaml"));
    let bytes = body::bounded(request, most).await?;
    if !yaml || bytes.is_empty() {
        return Ok(bytes);
    }
    let value = document::read_value(&bytes, Notation::Yaml)
        .map_err(|problems| No::parameter(problems.to_string()))?;
    Ok(value.to_string().into())
}

/// An answer as JSON, indented when it was asked for so.
pub(super) fn rendered(uri: &Uri, status: StatusCode, value: &impl Serialize) -> Response {
    let text = if flag(uri, "pretty") {
        serde_json::to_value(value).and_then(|value| serde_json::to_string_pretty(&value))
    } else {
        serde_json::to_string(value)
    };
    match text {
        Ok(text) => {
            let media = HeaderValue::from_static("application/json");
            (status, [(CONTENT_TYPE, media)], text).into_response()
        }
        Err(error) => No::from(Refusal::Internal(error.to_string())).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_flags_or_texts() {
        let uri: Uri = "/opa/v1/data/a%2Fb/c?pretty&metrics=false&q=x%20%3D+1&q=y".parse().unwrap();
        assert!(flag(&uri, "pretty") && !flag(&uri, "metrics") && !flag(&uri, "provenance"));
        assert_eq!(parameter(&uri, "q").as_deref(), Some("y"));
        assert_eq!(path(&uri, "/v1/data").unwrap(), ["a/b", "c"]);
        assert_eq!(
            id(&"/opa/v1/policies/my/own%20one.rego".parse().unwrap(), "/v1/policies"),
            "my/own one.rego"
        );
        assert!(path(&"/opa/v1/data".parse().unwrap(), "/v1/data").unwrap().is_empty());
    }
}
