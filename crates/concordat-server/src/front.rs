//! What every request passes before a handler sees it: is this server meant, does another site ask, who asks.
//!
//! A browser on somebody's machine can be sent here by any page. A page that points its own name at our address
//! is stopped by the `Host`, a page that simply asks by the `Origin`. There is no CORS. Keys are recognised for
//! every route that is not listed as open, so a route that nobody thought of is closed.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use concordat_engine::{Caller, Engine};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio::time::Instant;

use crate::app::{App, Shared};
use crate::refusal::{Denied, Refusal};
use crate::{a2a, routes};

/// The routes that need no key.
pub(crate) const OPEN: [&str; 9] = [
    a2a::CARD,
    a2a::PUSHES,
    "/livez",
    "/readyz",
    "/opa/health",
    "/openapi.json",
    "/schemas/contract.json",
    "/schemas/submission.json",
    "/schemas/trigger.json",
];

/// Open routes that answer under any name: who watches over a process reaches it by its address.
const WATCHED: [&str; 2] = ["/livez", "/readyz"];

/// Lets a request in, or refuses it; counts both.
pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let mut response = match admit(&app, &request, route.as_ref().map(MatchedPath::as_str)) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refusal) => told_at(request.uri().path(), refusal),
    };
    if response.extensions_mut().remove::<Denied>().is_some() {
        app.metrics.forbidden();
    }
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    app.metrics.served(route, &method, response.status(), began.elapsed());
    response
}

/// A refusal as whoever asks at this path reads it: each protocol has errors of its own.
pub(crate) fn told_at(path: &str, refusal: Refusal) -> Response {
    match path {
        _ if path.starts_with("/opa/") => routes::opa_refusal(refusal),
        _ if path.starts_with("/a2a/") => a2a::refused(refusal),
        _ => refusal.into_response(),
    }
}

fn admit(app: &App, request: &Request, route: Option<&str>) -> Result<Option<Caller>, Refusal> {
    let headers = request.headers();
    if !route.is_some_and(|route| WATCHED.contains(&route)) {
        host(&app.hosts, headers, request.uri())?;
    }
    same_site(headers)?;
    if route.is_some_and(|route| OPEN.contains(&route)) {
        return Ok(None);
    }
    recognise(&app.engine, headers).map(Some).ok_or(Refusal::Unauthenticated)
}

fn recognise(engine: &Engine, headers: &HeaderMap) -> Option<Caller> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (sent, None) = (sent.next()?, sent.next()) else { return None };
    let (scheme, key) = sent.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    engine.recognise(key.trim())
}

fn host(known: &[String], headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let mut sent = headers.get_all(HOST).iter();
    let (Some(named), None) = (sent.next(), sent.next()) else { return Err(Refusal::HostUnknown) };
    let named: Authority =
        named.to_str().ok().and_then(|name| name.parse().ok()).ok_or(Refusal::HostUnknown)?;
    if named.as_str().contains('@') {
        return Err(Refusal::HostUnknown);
    }
    let ours = |name: &str| known.iter().any(|host| host.eq_ignore_ascii_case(name));
    if ours(named.host()) && uri.host().is_none_or(ours) { Ok(()) } else { Err(Refusal::HostUnknown) }
}

fn same_site(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, "same-origin" | "none")
    {
        return Err(Refusal::CrossSite);
    }
    let Some(origin) = text(&ORIGIN) else { return Ok(()) };
    let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (bare, text(&HOST)) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Refusal::CrossSite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_our_names_are_answered() {
        let known = ["localhost", "127.0.0.1", "[::1]", "concordat.example"].map(str::to_owned);
        for (host_sent, uri, fine) in [
            ("localhost", "/", true),
            ("localhost:7420", "/", true),
            ("LOCALHOST:7420", "/", true),
            ("127.0.0.1:1", "/", true),
            ("[::1]:7420", "/", true),
            ("concordat.example", "http://concordat.example/livez", true),
            ("localhost", "http://evil.example/", false),
            ("evil.example", "/", false),
            ("localhost.evil.example", "/", false),
            ("127.0.0.1.nip.io", "/", false),
            ("0x7f.1", "/", false),
            ("localhost.", "/", false),
            ("", "/", false),
            ("a b", "/", false),
            ("evil.example@localhost", "/", false),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(
                host(&known, &headers(&[("host", host_sent)]), &uri).is_ok(),
                fine,
                "{host_sent} {uri}"
            );
        }
        assert!(host(&known, &HeaderMap::new(), &Uri::default()).is_err());
        let mut twice = headers(&[("host", "localhost")]);
        twice.append("host", "localhost".parse().unwrap());
        assert!(host(&known, &twice, &Uri::default()).is_err());
    }

    #[test]
    fn other_sites_are_refused() {
        for (sent, fine) in [
            (vec![("host", "localhost:1")], true),
            (vec![("host", "localhost:1"), ("origin", "http://localhost:1")], true),
            (vec![("host", "localhost:1"), ("origin", "https://localhost:1")], true),
            (vec![("host", "localhost:1"), ("origin", "http://localhost:2")], false),
            (vec![("host", "localhost:1"), ("origin", "http://evil.example")], false),
            (vec![("host", "localhost:1"), ("origin", "null")], false),
            (vec![("host", "localhost:1"), ("sec-fetch-site", "cross-site")], false),
            (vec![("host", "localhost:1"), ("sec-fetch-site", "same-site")], false),
            (vec![("host", "localhost:1"), ("sec-fetch-site", "none")], true),
            (vec![("origin", "http://localhost:1")], false),
        ] {
            assert_eq!(same_site(&headers(&sent)).is_ok(), fine, "{sent:?}");
        }
    }
}
