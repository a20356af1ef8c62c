//! Every way in which the API says no, and the one place that turns it into status, code and words.
//!
//! What goes wrong inside is logged here, once, under an id that the client gets; the client gets nothing else
//! of it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use concordat_engine::ports::StoreError;
use concordat_engine::{EngineError, Overload, Shed};
use concordat_model::problem::Problems;
use concordat_model::registry::RegistryError;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::api::decisions::Reason;
use crate::api::problem::{Fault, MEDIA_TYPE, Problem};

/// Marks a response as a refusal by the access gate, for counting.
#[derive(Clone, Copy)]
pub(crate) struct Denied;

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no key, or none that counts. Both look alike.
    #[error("this needs a valid API key: send it as `Authorization: Bearer cdt_…`")]
    Unauthenticated,
    /// The `Host` is not one that this server answers for.
    #[error("this server does not answer for this `Host`: an operator can allow it")]
    HostUnknown,
    /// A browser was sent here by another site.
    #[error("requests from other sites are not answered")]
    CrossSite,
    /// There is nothing at this path.
    #[error("there is nothing at this path: `/openapi.json` lists what there is")]
    RouteUnknown,
    /// The path knows other methods.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// A query parameter is unknown or odd.
    #[error("{0}")]
    Query(String),
    /// A header is missing or odd.
    #[error("{message}")]
    Header {
        /// A stable code.
        code: &'static str,
        /// What is wrong with it.
        message: &'static str,
    },
    /// A change that does not say what it changes.
    #[error("say what you changed: send the `ETag` that you saw as `If-Match`")]
    Unconditional,
    /// A cursor that was not made for this list.
    #[error(
        "the cursor does not belong to this list: repeat the parameters of the page that gave it, or begin anew"
    )]
    Cursor,
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which id, shortened.
        id: String,
    },
    /// The body is too long.
    #[error("the body is longer than {} bytes: split it into several requests", crate::body::MAX_BYTES)]
    TooLarge,
    /// The body did not come in time, or broke off.
    #[error("the body did not arrive whole and in time")]
    Incomplete,
    /// The body has another notation.
    #[error("the body must be `application/json` or `application/yaml`")]
    MediaType,
    /// The document is wrong.
    #[error("the document is not valid: {0}")]
    Document(Problems),
    /// What was sent is no policy bundle.
    #[error("the policy is refused: {0}")]
    Bundle(Box<concordat_policy::Finding>),
    /// There are as many streams as we keep open.
    #[error("too many streams are open: try again in a few seconds, or read page by page")]
    Streams,
    /// There are as many reports as we keep.
    #[error(
        "too many reports are being made or wait to be fetched: try again in some minutes, or use `audit report` with the database"
    )]
    Reports,
    /// The engine refused, or failed.
    #[error("{0}")]
    Engine(EngineError),
    /// Something of our own went wrong that no caller can help.
    #[error("{0}")]
    Internal(String),
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Refusal {
        match error {
            EngineError::Invalid(problems) => Refusal::Document(problems),
            other => Refusal::Engine(other),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Engine(error.into())
    }
}

/// Status, code, title and whether the same request may succeed later.
struct Kind(StatusCode, &'static str, &'static str, bool);

const INTERNAL: Kind = Kind(StatusCode::INTERNAL_SERVER_ERROR, "internal", "We failed", true);
const NOT_FOUND: Kind = Kind(StatusCode::NOT_FOUND, "not-found", "There is no such thing", false);
const CONFLICT: Kind = Kind(StatusCode::CONFLICT, "conflict", "Not in the present state", false);

impl Refusal {
    /// A thing that is not there.
    pub(crate) fn missing(what: &'static str, id: &str) -> Refusal {
        Refusal::NotFound { what, id: id.chars().take(80).collect() }
    }

    fn kind(&self) -> Kind {
        use StatusCode as S;
        match self {
            Refusal::Unauthenticated => {
                Kind(S::UNAUTHORIZED, "unauthenticated", "A valid key is needed", false)
            }
            Refusal::HostUnknown => {
                Kind(S::MISDIRECTED_REQUEST, "host-unknown", "Another server is meant", false)
            }
            Refusal::CrossSite => Kind(S::FORBIDDEN, "cross-site", "Another site asks", false),
            Refusal::RouteUnknown => Kind(S::NOT_FOUND, "route-unknown", "There is nothing here", false),
            Refusal::MethodNotAllowed => {
                Kind(S::METHOD_NOT_ALLOWED, "method-not-allowed", "Another method is needed", false)
            }
            Refusal::Query(_) => Kind(S::BAD_REQUEST, "query-invalid", "The query is not valid", false),
            Refusal::Header { code, .. } => Kind(S::BAD_REQUEST, code, "A header is not valid", false),
            Refusal::Unconditional => {
                Kind(S::PRECONDITION_REQUIRED, "if-match-missing", "A header is missing", false)
            }
            Refusal::Cursor => Kind(S::BAD_REQUEST, "cursor-invalid", "The cursor is not valid", false),
            Refusal::NotFound { .. } => NOT_FOUND,
            Refusal::TooLarge => {
                Kind(S::PAYLOAD_TOO_LARGE, "document-too-large", "The body is too long", false)
            }
            Refusal::Incomplete => {
                Kind(S::REQUEST_TIMEOUT, "body-incomplete", "The body did not arrive", true)
            }
            Refusal::MediaType => {
                Kind(S::UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "Another notation is needed", false)
            }
            Refusal::Document(_) => {
                Kind(S::UNPROCESSABLE_ENTITY, "document-invalid", "The document is not valid", false)
            }
            Refusal::Bundle(_) => {
                Kind(S::UNPROCESSABLE_ENTITY, "policy-refused", "The policy does not pass", false)
            }
            Refusal::Streams => {
                Kind(S::SERVICE_UNAVAILABLE, "streams-exhausted", "Too many streams are open", true)
            }
            Refusal::Reports => {
                Kind(S::SERVICE_UNAVAILABLE, "reports-exhausted", "Too many reports are kept", true)
            }
            Refusal::Engine(error) => engine_kind(error),
            Refusal::Internal(_) => INTERNAL,
        }
    }

    /// After how many seconds it is worth trying again, where it is at all.
    fn retry_after(&self) -> u32 {
        match self {
            Refusal::Engine(EngineError::Overloaded(overload)) => overload.retry_after,
            _ => 2,
        }
    }

    /// Whether the words are for our own log only.
    fn is_ours(&self) -> bool {
        let Kind(status, ..) = self.kind();
        status == StatusCode::INTERNAL_SERVER_ERROR
    }

    /// Whether the access gate said no.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Refusal::Engine(EngineError::Forbidden(_)))
    }

    /// The problem document.
    pub(crate) fn problem(&self) -> Problem {
        let Kind(status, code, title, retryable) = self.kind();
        let incident = self.is_ours().then(|| report(self));
        let detail = match &incident {
            Some(incident) => {
                format!("something went wrong on our side: tell the operator the incident `{incident}`")
            }
            None => self.to_string(),
        };
        let mut problem = Problem {
            kind: format!("/docs/errors/{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            errors: Vec::new(),
            reasons: Vec::new(),
            decision_id: None,
            incident,
            retryable,
        };
        match self {
            Refusal::Document(problems) => problem.errors = problems.all().iter().map(Fault::from).collect(),
            Refusal::Engine(EngineError::PolicyRefused(findings)) => {
                problem.errors = findings.iter().map(Fault::from).collect();
            }
            Refusal::Bundle(finding) => problem.errors = vec![Fault::from(&**finding)],
            Refusal::Engine(EngineError::Forbidden(decision)) => {
                let reasons = decision.answer.reasons();
                problem.reasons = reasons.iter().map(Reason::from).collect();
                problem.decision_id = Some(decision.id.to_string());
                // Only failures of policy itself have such codes: they may pass.
                problem.retryable = reasons.iter().any(|reason| reason.code.starts_with("policy_"));
            }
            _ => {}
        }
        problem
    }
}

fn engine_kind(error: &EngineError) -> Kind {
    use StatusCode as S;
    match error {
        EngineError::Invalid(_) => {
            Kind(S::UNPROCESSABLE_ENTITY, "document-invalid", "The document is not valid", false)
        }
        EngineError::Forbidden(_) => {
            Kind(S::FORBIDDEN, "policy-forbidden", "Policy does not permit this", false)
        }
        EngineError::PolicyRefused(_) => {
            Kind(S::UNPROCESSABLE_ENTITY, "policy-refused", "The policy does not pass", false)
        }
        EngineError::NotFound { .. } | EngineError::Untold => NOT_FOUND,
        EngineError::Forgotten { .. } => Kind(S::GONE, "forgotten", "It was forgotten", false),
        EngineError::Conflict(_) | EngineError::Illegal(_) | EngineError::Store(StoreError::Conflict(_)) => {
            CONFLICT
        }
        EngineError::KeyReused(_) => Kind(
            S::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "The key was used for another request",
            false,
        ),
        EngineError::Stale { .. } => {
            Kind(S::PRECONDITION_FAILED, "revision-stale", "Another one came between", false)
        }
        EngineError::Registry(error) => registry_kind(error),
        EngineError::Store(StoreError::Unavailable(_)) => {
            Kind(S::SERVICE_UNAVAILABLE, "storage-unavailable", "Nothing can be recorded now", true)
        }
        EngineError::Store(StoreError::ReadOnly(_)) => {
            Kind(S::SERVICE_UNAVAILABLE, "storage-read-only", "Nothing can be recorded now", true)
        }
        EngineError::Store(StoreError::Unknown(_)) => {
            Kind(S::SERVICE_UNAVAILABLE, "outcome-unknown", "It is not known whether it was recorded", true)
        }
        EngineError::Overloaded(Overload { what: Shed::Tenant, .. }) => {
            Kind(S::TOO_MANY_REQUESTS, "tenant-overloaded", "Your organisation has too much open", true)
        }
        EngineError::Overloaded(_) => {
            Kind(S::SERVICE_UNAVAILABLE, "overloaded", "There is too much to do", true)
        }
        EngineError::Draining => {
            Kind(S::SERVICE_UNAVAILABLE, "engine-draining", "The server is stopping", true)
        }
        EngineError::Halted(_) => {
            Kind(S::SERVICE_UNAVAILABLE, "engine-halted", "No work is taken in now", true)
        }
        EngineError::Store(StoreError::Inconsistent { .. })
        | EngineError::Unrecordable(_)
        | EngineError::Log { .. }
        | EngineError::PayloadMissing(_)
        | EngineError::PayloadOdd { .. } => INTERNAL,
    }
}

fn registry_kind(error: &RegistryError) -> Kind {
    use StatusCode as S;
    match error {
        RegistryError::Unknown(_) => NOT_FOUND,
        RegistryError::NameTaken(_) => Kind(S::CONFLICT, "agent-name-taken", "The name is taken", false),
        RegistryError::Already { .. } => Kind(S::CONFLICT, "agent-state-already", "It is so already", false),
        RegistryError::Cannot { .. }
        | RegistryError::Renamed { .. }
        | RegistryError::Owned(_)
        | RegistryError::Same(_)
        | RegistryError::NothingProposed(_)
        | RegistryError::NoCredentials(_) => CONFLICT,
        RegistryError::Missing(_) => INTERNAL,
    }
}

/// Logs what only the operator may read, and gives the id to find it by.
fn report(refusal: &Refusal) -> String {
    let mut chance = [0; 8];
    // Without chance the id is all zeros, which still finds the line.
    let _ = getrandom::fill(&mut chance);
    let incident: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    tracing::error!(incident, error = %refusal, "request failed, incident {incident}: {refusal}");
    incident
}

impl Refusal {
    /// The response, with the problem told in a form of its own.
    pub(crate) fn told<T: Serialize>(self, media: &'static str, form: impl FnOnce(Problem) -> T) -> Response {
        let problem = self.problem();
        let retry_after = self.retry_after();
        let denied = self.is_forbidden();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(form(problem))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after));
        }
        if denied {
            response.extensions_mut().insert(Denied);
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.told(MEDIA_TYPE, |problem| problem)
    }
}

#[cfg(test)]
mod tests {
    use concordat_ledger::record::RecordError;
    use concordat_model::agent::Standing;
    use concordat_model::digest::Digest;
    use concordat_model::problem::Problem as Wrong;

    use super::*;

    fn engine(error: EngineError) -> Refusal {
        error.into()
    }

    #[test]
    fn every_way_to_say_no() {
        let text = || "why".to_owned();
        let store = |error: StoreError| engine(error.into());
        let digest = Digest::of(b"");
        let inconsistent = StoreError::Inconsistent { table: "run", column: "x", row: text(), why: text() };
        let already = RegistryError::Already { name: "a".parse().unwrap(), standing: Standing::Eligible };
        for (refusal, status, code, retryable) in [
            (Refusal::Unauthenticated, 401, "unauthenticated", false),
            (Refusal::Unconditional, 428, "if-match-missing", false),
            (engine(EngineError::Stale { seen: digest, now: digest }), 412, "revision-stale", false),
            (engine(RegistryError::Missing(digest).into()), 500, "internal", true),
            (engine(RegistryError::Owned("a".parse().unwrap()).into()), 409, "conflict", false),
            (Refusal::TooLarge, 413, "document-too-large", false),
            (Refusal::Incomplete, 408, "body-incomplete", true),
            (Refusal::Streams, 503, "streams-exhausted", true),
            (Refusal::Reports, 503, "reports-exhausted", true),
            (Refusal::missing("agent", "x"), 404, "not-found", false),
            (Refusal::Internal(text()), 500, "internal", true),
            (engine(EngineError::Invalid(Wrong::new("a", "/b", "c").into())), 422, "document-invalid", false),
            (engine(EngineError::NotFound { what: "agent", id: text() }), 404, "not-found", false),
            (engine(EngineError::Conflict(text())), 409, "conflict", false),
            (engine(EngineError::KeyReused(text())), 422, "idempotency-key-reused", false),
            (engine(RegistryError::NameTaken("a".parse().unwrap()).into()), 409, "agent-name-taken", false),
            (engine(RegistryError::Unknown(text()).into()), 404, "not-found", false),
            (engine(already.into()), 409, "agent-state-already", false),
            (store(StoreError::Conflict(text())), 409, "conflict", false),
            (store(StoreError::Unavailable(text())), 503, "storage-unavailable", true),
            (store(StoreError::ReadOnly(text())), 503, "storage-read-only", true),
            (store(StoreError::Unknown(text())), 503, "outcome-unknown", true),
            (store(inconsistent), 500, "internal", true),
            (engine(RecordError::SubjectSeq.into()), 500, "internal", true),
            (engine(EngineError::Log { index: 1, why: text() }), 500, "internal", true),
            (engine(EngineError::PayloadMissing(digest)), 500, "internal", true),
            (engine(EngineError::PayloadOdd { digest, why: text() }), 500, "internal", true),
            (engine(EngineError::Halted(text())), 503, "engine-halted", true),
            (engine(EngineError::PolicyRefused(Vec::new())), 422, "policy-refused", false),
            (engine(EngineError::Draining), 503, "engine-draining", true),
            (engine(overload(Shed::Tenant)), 429, "tenant-overloaded", true),
            (engine(overload(Shed::Open)), 503, "overloaded", true),
            (engine(overload(Shed::Submissions)), 503, "overloaded", true),
            (engine(overload(Shed::Commits)), 503, "overloaded", true),
        ] {
            let problem = refusal.problem();
            assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (status, code, retryable));
            assert_eq!(problem.kind, format!("/docs/errors/{code}"));
            assert_eq!(problem.incident.is_some(), status == 500);
        }
    }

    fn overload(what: Shed) -> EngineError {
        EngineError::Overloaded(Overload { what, most: 9, retry_after: 7 })
    }

    #[test]
    fn whoever_is_turned_away_is_told_when_to_come_back() {
        for (refusal, seconds) in [
            (engine(overload(Shed::Tenant)), Some("7")),
            (engine(overload(Shed::Open)), Some("7")),
            (engine(EngineError::Draining), Some("2")),
            (Refusal::Streams, Some("2")),
            (Refusal::TooLarge, None),
        ] {
            let response = refusal.into_response();
            let told = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(told, seconds);
        }
    }

    #[test]
    fn our_own_failures_say_nothing_but_an_incident() {
        let problem = Refusal::Internal("the pool is dry".to_owned()).problem();
        let told = serde_json::to_string(&problem).unwrap();
        assert!(!told.contains("pool") && told.contains(problem.incident.as_deref().unwrap()), "{told}");
    }
}
