//! Verbs at the end of a path: `POST /v1/contracts/{run}:cancel`.
//!
//! The router matches whole segments only, so within it the verb is a segment of its own, marked with a character
//! that no client can send there: `/v1/contracts/{run}/@cancel`. This is the only place that knows both forms.

use axum::extract::Request;
use http::uri::PathAndQuery;
use http::{Method, Uri};

/// What separates the verb from the path within the router.
pub(crate) const INSIDE: &str = "/@";

/// Turns the verb of a request into a segment of its own.
pub(crate) fn inward(mut request: Request) -> Request {
    let path = request.uri().path();
    // OPA's paths may hold anything.
    if path.starts_with("/opa/") {
        return request;
    }
    if path.contains(INSIDE) {
        *request.uri_mut() = Uri::from_static("/-");
        return request;
    }
    if request.method() == Method::POST
        && let Some(turned) = turned(request.uri())
    {
        *request.uri_mut() = turned;
    }
    request
}

fn turned(uri: &Uri) -> Option<Uri> {
    let (things, last) = uri.path().rsplit_once('/')?;
    let (thing, verb) = last.rsplit_once(':')?;
    // `/v1/contracts:plan` acts on all contracts, and is a segment as it stands.
    if things.matches('/').count() < 2 || thing.is_empty() || verb.is_empty() {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(format!("{things}/{thing}{INSIDE}{verb}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// A path of the router as clients see it.
pub(crate) fn outward(path: &str) -> String {
    path.replacen(INSIDE, ":", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_become_segments() {
        for (method, sent, wanted) in [
            ("POST", "/v1/contracts/run_x:cancel", "/v1/contracts/run_x/@cancel"),
            ("POST", "/v1/contracts/run_x:cancel?a=b:c", "/v1/contracts/run_x/@cancel?a=b:c"),
            ("POST", "/v1/agents/a:b:suspend", "/v1/agents/a:b/@suspend"),
            ("POST", "/v1/contracts:plan", "/v1/contracts:plan"),
            ("POST", "/v1/contracts", "/v1/contracts"),
            ("POST", "/v1/contracts/:cancel", "/v1/contracts/:cancel"),
            ("POST", "/v1/contracts/run_x:", "/v1/contracts/run_x:"),
            ("GET", "/v1/contracts/run_x:cancel", "/v1/contracts/run_x:cancel"),
            ("POST", "/v1/contracts/run_x/@cancel", "/-"),
            ("GET", "/v1/templates/@1", "/-"),
        ] {
            let request =
                Request::builder().method(method).uri(sent).body(axum::body::Body::empty()).unwrap();
            assert_eq!(inward(request).uri().to_string(), wanted, "{method} {sent}");
        }
        assert_eq!(outward("/v1/contracts/{run}/@cancel"), "/v1/contracts/{run}:cancel");
    }
}
