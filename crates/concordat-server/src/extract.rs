//! What handlers take from a request besides its body: who asks, the path's last part, the query, headers.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path, Query};
use concordat_engine::Caller;
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::intake::{Door, Key};
use crate::refusal::Refusal;

/// Who asks. It is put into the request where keys are recognised; a route that was left out there refuses.
pub(crate) struct Who(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Who, Refusal> {
        parts.extensions.get::<Caller>().cloned().map(Who).ok_or(Refusal::Unauthenticated)
    }
}

/// The part of the path that names a thing.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Named(name)).map_err(|_| Refusal::RouteUnknown)
    }
}

impl Named {
    /// The id that the path holds; whatever is no id names nothing.
    pub(crate) fn id<T: std::str::FromStr>(&self, what: &'static str) -> Result<T, Refusal> {
        self.0.parse().map_err(|_| Refusal::missing(what, &self.0))
    }
}

/// The query, without a member that nobody knows.
pub(crate) struct Strict<T>(pub(crate) T);

impl<T: DeserializeOwned + IntoParams, S: Send + Sync> FromRequestParts<S> for Strict<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Strict<T>, Refusal> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Strict(query)),
            Err(rejection) => Err(Refusal::Query(in_words::<T>(&parts.uri, &rejection.body_text()))),
        }
    }
}

/// The query, which must be empty.
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<NoQuery, Refusal> {
        match parts.uri.query() {
            None | Some("") => Ok(NoQuery),
            Some(_) => Err(Refusal::Query("this path takes no query parameters".to_owned())),
        }
    }
}

fn in_words<T: IntoParams>(uri: &http::Uri, told: &str) -> String {
    let known: Vec<String> = T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
    let pairs =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let stranger = pairs.iter().map(|(name, _)| name).find(|name| !known.contains(name));
    match stranger {
        Some(name) => {
            let shown: String = name.chars().take(40).collect();
            match nearest(name, &known) {
                Some(near) => format!("there is no query parameter `{shown}`: did you mean `{near}`?"),
                None => format!("there is no query parameter `{shown}`: there are {}", known.join(", ")),
            }
        }
        None => told.rsplit_once("query string: ").map_or(told, |(_, rest)| rest).to_owned(),
    }
}

fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    let name: String = name.chars().take(64).collect();
    known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(&name, other), other.as_str()))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, other)| other)
}

/// The `Idempotency-Key`: 1 to 255 visible characters of ASCII.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Key, Refusal> {
    let mut sent = headers.get_all("idempotency-key").iter();
    let (Some(key), None) = (sent.next(), sent.next()) else {
        return Err(Refusal::Header {
            code: "idempotency-key-missing",
            message: "send one `Idempotency-Key`, a fresh one for each new request and the same one when you repeat it",
        });
    };
    Key::read(Door::V1, key.to_str().unwrap_or_default()).ok_or(Refusal::Header {
        code: "idempotency-key-invalid",
        message: "an `Idempotency-Key` has 1 to 255 visible characters of ASCII",
    })
}

/// Whether the client wants a stream of events, and after which record it goes on.
pub(crate) struct Streamed {
    pub(crate) wanted: bool,
    pub(crate) last: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Streamed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Streamed, Infallible> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Streamed {
            wanted: header("accept").is_some_and(|accept| accept.contains("text/event-stream")),
            last: header("last-event-id").and_then(|id| id.parse().ok()),
        })
    }
}
