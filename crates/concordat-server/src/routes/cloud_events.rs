//! Events from outside: what steps wait for, and what pulls triggers.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contracts::told_before;
use crate::api::cloud_events::Published;
use crate::app::Shared;
use crate::body::Event;
use crate::extract::{NoQuery, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(publish))
}

/// Publish an event.
///
/// The body is one event of CloudEvents 1.0 in its JSON form (structured mode), at most 64 KiB, with data that is
/// JSON. The same source and id is one event, however often it is sent: steps that wait hear of it once, and triggers
/// start one contract each. When the answer arrives, it is on disk.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "publishEvent",
    tag = "events",
    request_body(
        content = Object,
        description = "one event: `specversion`, `id`, `source`, `type`, and what it says in `data`",
        content_type = "application/cloudevents+json",
    ),
    responses((status = 202, description = "Taken in", body = Published, headers(
        ("idempotency-replayed" = String, description = "`true` when it had been told before"),
    ))),
)]
async fn publish(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Event(event, place): Event,
) -> Result<Response, Refusal> {
    let published = app.engine.publish(&who, event).await.map_err(|error| place.find(error))?;
    let mut response =
        (StatusCode::ACCEPTED, Json(Published { id: published.id.to_string() })).into_response();
    told_before(&mut response, published.replayed);
    Ok(response)
}
