//! Triggers: written, looked at, taken away.

use axum::Json;
use axum::extract::State;
use concordat_engine::Trigger;
use concordat_model::document;
use concordat_model::name::TriggerName;
use concordat_model::problem::{Problem, Problems};
use concordat_model::trigger::TriggerDocument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::triggers::{Reaction, TriggerDetail, TriggerList};
use crate::app::Shared;
use crate::body::Document;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(apply, get, remove))
}

/// List triggers by name.
#[utoipa::path(
    get,
    path = "/v1/triggers",
    operation_id = "listTriggers",
    tag = "triggers",
    responses((status = 200, description = "The triggers", body = TriggerList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<TriggerList>, Refusal> {
    let triggers = app.engine.triggers(&who).await?;
    let items = triggers.iter().map(detail).collect::<Result<_, _>>()?;
    Ok(Json(TriggerList { items }))
}

/// Write a trigger, or write it anew.
///
/// The body is a trigger, as JSON or, with `application/yaml`, as YAML; its schema is at `/schemas/trigger.json`. It
/// starts contracts in the name of whoever wrote it last, as long as they may submit and their key counts.
#[utoipa::path(
    put,
    path = "/v1/triggers/{trigger}",
    operation_id = "applyTrigger",
    tag = "triggers",
    params(("trigger" = String, Path, description = "its name")),
    request_body(content = Object, description = "a trigger", content_type = "application/json"),
    responses((status = 200, description = "The trigger as it is in force", body = TriggerDetail)),
)]
async fn apply(
    State(app): State<Shared>,
    Who(who): Who,
    Named(named): Named,
    _: NoQuery,
    document: Document,
) -> Result<Json<TriggerDetail>, Refusal> {
    let (value, place) = document.take();
    let written: TriggerDocument =
        document::typed(value).map_err(|problem| place.find(Refusal::Document(Problems::from(problem))))?;
    if written.metadata.name.as_str() != named {
        let message = format!("the path names another trigger than `{}`", written.metadata.name);
        let problem = Problem::new("name-mismatch", "/metadata/name", message);
        return Err(place.find(Refusal::Document(problem.into())));
    }
    let trigger = app.engine.apply_trigger(&who, written).await.map_err(|error| place.find(error))?;
    detail(&trigger).map(Json)
}

/// See one trigger.
#[utoipa::path(
    get,
    path = "/v1/triggers/{trigger}",
    operation_id = "getTrigger",
    tag = "triggers",
    params(("trigger" = String, Path, description = "its name")),
    responses((status = 200, description = "The trigger as it is in force", body = TriggerDetail)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    Named(named): Named,
    _: NoQuery,
) -> Result<Json<TriggerDetail>, Refusal> {
    let triggers = app.engine.triggers(&who).await?;
    let found = triggers.iter().find(|trigger| trigger.document.metadata.name.as_str() == named);
    detail(found.ok_or_else(|| Refusal::missing("trigger", &named))?).map(Json)
}

/// Take a trigger away. What it has started goes on.
#[utoipa::path(
    delete,
    path = "/v1/triggers/{trigger}",
    operation_id = "removeTrigger",
    tag = "triggers",
    params(("trigger" = String, Path, description = "its name")),
    responses((status = 200, description = "The trigger as it was", body = TriggerDetail)),
)]
async fn remove(
    State(app): State<Shared>,
    Who(who): Who,
    named: Named,
    _: NoQuery,
) -> Result<Json<TriggerDetail>, Refusal> {
    let name: TriggerName = named.id("trigger")?;
    detail(&app.engine.remove_trigger(&who, &name).await?).map(Json)
}

fn detail(trigger: &Trigger) -> Result<TriggerDetail, Refusal> {
    let document = serde_json::to_value(&trigger.document)
        .map_err(|error| Refusal::Internal(format!("a trigger cannot be shown: {error}")))?;
    Ok(TriggerDetail {
        name: trigger.document.metadata.name.to_string(),
        owner: trigger.owner.principal.name.to_string(),
        since: trigger.since,
        next: trigger.next(),
        last: trigger.last.as_ref().map(|last| Reaction {
            occasion: last.occasion.clone(),
            at: last.at,
            refused: last.refused.clone(),
        }),
        document,
    })
}
