//! Templates: named, versioned contracts that submissions refer to.

use axum::Json;
use axum::extract::State;
use concordat_model::contract::ContractDocument;
use concordat_model::template::TemplateRef;
use concordat_policy::input::{Action, ResourceKind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::templates::{TemplateList, TemplateRow};
use crate::app::Shared;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// List templates by name and version.
#[utoipa::path(
    get,
    path = "/v1/templates",
    operation_id = "listTemplates",
    tag = "templates",
    responses((status = 200, description = "The templates", body = TemplateList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<TemplateList>, Refusal> {
    app.permit(&who, Action::TemplatesRead, ResourceKind::Template, None).await?;
    Ok(Json(TemplateList { items: app.engine.templates().all().map(row).collect() }))
}

/// See a template's document.
#[utoipa::path(
    get,
    path = "/v1/templates/{template}",
    operation_id = "getTemplate",
    tag = "templates",
    params(("template" = String, Path, description = "`name` for the newest version, or `name@version`")),
    responses((status = 200, description = "The contract as it is written", body = Object)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    Named(template): Named,
    _: NoQuery,
) -> Result<Json<ContractDocument>, Refusal> {
    app.permit(
        &who,
        Action::TemplatesRead,
        ResourceKind::Template,
        Some(template.chars().take(128).collect()),
    )
    .await?;
    let missing = || Refusal::missing("template", &template);
    let wanted: TemplateRef = template.parse().map_err(|_| missing())?;
    let document = app.engine.templates().find(&wanted).map_err(|_| missing())?;
    Ok(Json(document.clone()))
}

fn row(document: &ContractDocument) -> TemplateRow {
    TemplateRow {
        name: document.metadata.name.to_string(),
        version: document.metadata.version.clone(),
        objective: document.spec.objective.clone(),
        domain: document.spec.domain.as_ref().map(ToString::to_string),
        steps: u32::try_from(document.spec.steps.len()).unwrap_or(u32::MAX),
    }
}
