//! What the service says about itself: its health, its figures, its policy, its formats.

use std::sync::LazyLock;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_model::contract::ContractDocument;
use concordat_model::submission::SubmissionDocument;
use concordat_model::trigger::TriggerDocument;
use concordat_policy::input::{Action, ResourceKind};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::service::PolicyInForce;
use crate::app::Shared;
use crate::extract::{NoQuery, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(policy))
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(openapi))
        .routes(routes!(contract_schema))
        .routes(routes!(submission_schema))
        .routes(routes!(trigger_schema))
}

/// See which policy is in force.
#[utoipa::path(
    get,
    path = "/v1/policy",
    operation_id = "getPolicy",
    tag = "policy",
    responses((status = 200, description = "The policy in force", body = PolicyInForce)),
)]
async fn policy(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
) -> Result<Json<PolicyInForce>, Refusal> {
    app.permit(&who, Action::PolicyRead, ResourceKind::Policy, None).await?;
    Ok(Json(PolicyInForce { revision: app.engine.policy_revision().to_string() }))
}

/// Whether the process lives.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "livez",
    tag = "service",
    security(()),
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain")),
)]
async fn livez() -> &'static str {
    "ok\n"
}

/// Whether work is taken in.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "service",
    security(()),
    responses(
        (status = 200, description = "It is", body = String, content_type = "text/plain"),
        (status = 503, description = "It is not, with the reason", body = String, content_type = "text/plain"),
    ),
)]
async fn readyz(State(app): State<Shared>) -> Response {
    if *app.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n").into_response();
    }
    if app.engine.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n").into_response();
    }
    match app.engine.halted() {
        None => "ok\n".into_response(),
        Some(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("no work is taken in: {why}\n")).into_response()
        }
    }
}

/// Figures about the service.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "service",
    responses((status = 200, description = "Prometheus' text form", body = String, content_type = "text/plain")),
)]
async fn metrics(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Response, Refusal> {
    app.permit(&who, Action::MetricsRead, ResourceKind::Metrics, None).await?;
    let text = app
        .metrics
        .text()
        .map_err(|error| Refusal::Internal(format!("figures cannot be written: {error}")))?;
    let media = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(CONTENT_TYPE, media)], text).into_response())
}

/// This description of the API, OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "service",
    security(()),
    responses((status = 200, description = "The description", body = Object)),
)]
async fn openapi(State(app): State<Shared>) -> Response {
    json(app.description.clone())
}

/// The JSON Schema (2020-12) of contracts.
#[utoipa::path(
    get,
    path = "/schemas/contract.json",
    operation_id = "contractSchema",
    tag = "service",
    security(()),
    responses((status = 200, description = "The schema", body = Object)),
)]
async fn contract_schema() -> Response {
    json(Bytes::from_static(CONTRACT.as_bytes()))
}

/// The JSON Schema (2020-12) of submissions.
#[utoipa::path(
    get,
    path = "/schemas/submission.json",
    operation_id = "submissionSchema",
    tag = "service",
    security(()),
    responses((status = 200, description = "The schema", body = Object)),
)]
async fn submission_schema() -> Response {
    json(Bytes::from_static(SUBMISSION.as_bytes()))
}

/// The JSON Schema (2020-12) of triggers.
#[utoipa::path(
    get,
    path = "/schemas/trigger.json",
    operation_id = "triggerSchema",
    tag = "service",
    security(()),
    responses((status = 200, description = "The schema", body = Object)),
)]
async fn trigger_schema() -> Response {
    json(Bytes::from_static(TRIGGER.as_bytes()))
}

/// The JSON Schema of contracts, as it is served.
static CONTRACT: LazyLock<String> = LazyLock::new(|| schema(&schemars::schema_for!(ContractDocument)));
/// The JSON Schema of submissions, as it is served.
static SUBMISSION: LazyLock<String> = LazyLock::new(|| schema(&schemars::schema_for!(SubmissionDocument)));
/// The JSON Schema of triggers, as it is served.
static TRIGGER: LazyLock<String> = LazyLock::new(|| schema(&schemars::schema_for!(TriggerDocument)));

fn schema(schema: &schemars::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}

/// JSON that was written once.
fn json(text: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text.into()).into_response()
}
