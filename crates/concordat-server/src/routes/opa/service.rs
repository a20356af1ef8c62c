//! What OPA tells of itself: health, status, configuration. Partial evaluation is not here.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::response::Response;
use concordat_engine::Engine;
use concordat_model::digest::Digest;
use http::StatusCode;
use serde_json::json;

use super::asked::{caller, rendered};
use super::refused::No;
use crate::api::opa::{Bundle, Provenance};
use crate::app::Shared;

/// How modules and data are called where OPA names bundles.
const NAME: &str = "concordat";

/// What answered.
pub(super) fn provenance(revision: Digest) -> Provenance {
    Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), bundles: bundles(revision) }
}

/// Modules and data, where OPA names bundles.
pub(super) fn bundles(revision: Digest) -> BTreeMap<String, Bundle> {
    [(NAME.to_owned(), Bundle { revision: revision.to_string() })].into()
}

/// What wrote a decision.
pub(super) fn labels(engine: &Engine) -> BTreeMap<String, String> {
    [("id", engine.source()), ("version", env!("CARGO_PKG_VERSION"))]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Say that questions are answered: modules and data are there before anything is served.
pub(super) async fn health(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    match app.engine.halted() {
        None => Ok(rendered(request.uri(), StatusCode::OK, &json!({}))),
        Some(why) => Ok(rendered(request.uri(), StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": why }))),
    }
}

/// Tell which modules and data are in force.
pub(super) async fn status(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let revision = app.engine.opa(&caller(&request)?).await?.revision();
    let bundle = json!({ "name": NAME, "active_revision": revision });
    let told = json!({ "result": {
        "labels": labels(&app.engine),
        "bundles": { NAME: bundle },
        "plugins": { "bundle": { "state": "OK" }, "decision_logs": { "state": "OK" } },
    } });
    Ok(rendered(request.uri(), StatusCode::OK, &told))
}

/// Tell how these doors are set up.
pub(super) async fn config(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    app.engine.opa(&caller(&request)?).await?;
    let told = json!({ "result": {
        "labels": labels(&app.engine),
        "default_decision": "/system/main",
        "decision_logs": { "mask_decision": "/system/log/mask" },
    } });
    Ok(rendered(request.uri(), StatusCode::OK, &told))
}

/// Partial evaluation: the evaluator has none.
pub(super) async fn compile() -> No {
    No::with(StatusCode::NOT_IMPLEMENTED, "not_implemented", "partial evaluation is not offered")
}
