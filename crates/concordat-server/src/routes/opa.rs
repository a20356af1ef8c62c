//! OPA's REST API, for clients whose base URL is `…/opa`: OPA's bodies, status codes and errors.
//!
//! What differs is said in `tests/opa/README.md`. These routes are outside of our own description, because their forms
//! are OPA's and not ours.

mod asked;
mod data;
mod logs;
mod policies;
mod query;
mod refused;
mod service;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::app::Shared;
use crate::refusal::Refusal;

/// A refusal in OPA's form.
pub(super) fn refused(refusal: Refusal) -> Response {
    refused::No::from(refusal).into_response()
}

/// Where OPA's API begins.
const BASE: &str = "/opa";

pub(super) fn routes() -> Router<Shared> {
    let data = || get(data::get).post(data::post).put(data::put).patch(data::patch).delete(data::delete);
    let policy = || get(policies::one).put(policies::put).delete(policies::delete);
    Router::new()
        .route("/opa", post(data::default))
        .route("/opa/", post(data::default))
        .route("/opa/v0/data", post(data::unwrapped))
        .route("/opa/v0/data/{*path}", post(data::unwrapped))
        .route("/opa/v1/data", data())
        .route("/opa/v1/data/", data())
        .route("/opa/v1/data/{*path}", data())
        .route("/opa/v1/policies", get(policies::all).put(policies::replace))
        .route("/opa/v1/policies/{*id}", policy())
        .route("/opa/v1/query", get(query::get).post(query::post))
        .route("/opa/v1/compile", post(service::compile))
        .route("/opa/v1/compile/{*path}", post(service::compile))
        .route("/opa/v1/status", get(service::status))
        .route("/opa/v1/config", get(service::config))
        .route("/opa/v1/logs", get(logs::logs))
        .route("/opa/health", get(service::health))
}
