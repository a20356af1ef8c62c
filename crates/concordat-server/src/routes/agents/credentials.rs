//! What one agent knows us by: set and taken away here, and never shown again.

use axum::Json;
use axum::extract::State;
use concordat_model::agent::{Agent, KnownBy};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::detail;
use crate::api::agents::{AgentCredentials, AgentDetail, CredentialsGiven, ReviseQuery};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::reason;
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(set, remove))
}

/// Let an agent know us by these credentials, and by nothing else, from the next attempt on.
///
/// They are sealed, sent to the agent's origin alone, and never shown again. Setting others is how they are rotated.
#[utoipa::path(
    put,
    path = "/v1/agents/{agent}/credentials",
    operation_id = "setAgentCredentials",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = CredentialsGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn set(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<CredentialsGiven>,
) -> Result<Json<AgentDetail>, Refusal> {
    let reason = reason::checked(&given.reason)?;
    let credentials = match given.credentials {
        Value::Array(several) => several,
        one => vec![one],
    };
    let agent = app.engine.set_credentials(&who, &agent, credentials, reason).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// Take away what an agent knows us by. What the operator's file says of its origin counts again.
#[utoipa::path(
    delete,
    path = "/v1/agents/{agent}/credentials",
    operation_id = "removeAgentCredentials",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name"), ReviseQuery),
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn remove(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    Strict(query): Strict<ReviseQuery>,
) -> Result<Json<AgentDetail>, Refusal> {
    let reason = reason::checked(&query.reason)?;
    let agent = app.engine.remove_credentials(&who, &agent, reason).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// What may be seen of it.
pub(super) fn shown(agent: &Agent, known: &KnownBy) -> AgentCredentials {
    AgentCredentials {
        kind: known.kind.clone(),
        origin: known.origin.clone(),
        fingerprint: known.fingerprint.clone(),
        by: known.by.to_string(),
        at: known.at,
        used: concordat_engine::origin(agent.registration.binding.url()) == known.origin,
    }
}
