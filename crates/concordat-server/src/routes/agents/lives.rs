//! The steps of an agent's life that somebody takes: kept from work and let back, approved, tried, read anew.

use axum::Json;
use axum::extract::State;
use concordat_engine::{Approval, Placing};
use concordat_model::name::SkillName;
use concordat_model::problem::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::detail;
use crate::api::agents::{AgentDetail, ApprovalGiven, ProbeAsked, RefreshAsked};
use crate::api::contracts::ReasonGiven;
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::reason::{self, Reasoned};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(suspend))
        .routes(routes!(restore))
        .routes(routes!(quarantine))
        .routes(routes!(try_out))
        .routes(routes!(retire))
        .routes(routes!(approve))
        .routes(routes!(decline))
        .routes(routes!(probe))
        .routes(routes!(refresh))
}

/// Keep work from an agent until somebody restores it.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@suspend",
    operation_id = "suspendAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn suspend(order: Reasoned) -> Result<Json<AgentDetail>, Refusal> {
    placed(order, Placing::Suspend).await
}

/// Give an agent work again that was suspended or put in quarantine.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@restore",
    operation_id = "restoreAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn restore(order: Reasoned) -> Result<Json<AgentDetail>, Refusal> {
    placed(order, Placing::Restore).await
}

/// Keep work from an agent because something was found that has to be looked at. It can be tried meanwhile.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@quarantine",
    operation_id = "quarantineAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn quarantine(order: Reasoned) -> Result<Json<AgentDetail>, Refusal> {
    placed(order, Placing::Quarantine).await
}

/// Put an agent on probation: it gets work where little is at stake.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@probation",
    operation_id = "putAgentOnProbation",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn try_out(order: Reasoned) -> Result<Json<AgentDetail>, Refusal> {
    placed(order, Placing::Probation).await
}

/// Take an agent out of use for good. Its name and its record stay taken.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@retire",
    operation_id = "retireAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn retire(order: Reasoned) -> Result<Json<AgentDetail>, Refusal> {
    placed(order, Placing::Retire).await
}

async fn placed(order: Reasoned, placing: Placing) -> Result<Json<AgentDetail>, Refusal> {
    let Reasoned { app, who, about: Named(agent), reason } = order;
    let agent = app.engine.place_agent(&who, &agent, placing, &reason).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// Approve what waits: the change of an agent's registration, or else the agent itself.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@approve",
    operation_id = "approveAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ApprovalGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn approve(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<ApprovalGiven>,
) -> Result<Json<AgentDetail>, Refusal> {
    let agent = app.engine.approve_agent(&who, &agent, &approval(&given)?).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// Decline the change of an agent's registration that waits.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@decline",
    operation_id = "declineAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ApprovalGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn decline(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<ApprovalGiven>,
) -> Result<Json<AgentDetail>, Refusal> {
    let agent = app.engine.decline_agent(&who, &agent, approval(&given)?).await?;
    Ok(Json(detail(&app, &agent)?))
}

fn approval(given: &ApprovalGiven) -> Result<Approval, Refusal> {
    let odd = || {
        let words = "a revision is a digest: `sha256:…`";
        Refusal::Document(Problem::new("revision-form", "/revision", words).into())
    };
    let revision = given.revision.as_ref().map(|text| text.parse().map_err(|_| odd())).transpose()?;
    let reason = reason::checked(&given.reason)?.to_owned();
    Ok(Approval { reason, revision, probation: given.probation })
}

/// Try an agent's skills with their examples, and see whether it does what it says.
///
/// The agent does what the example asks for. The answer comes when every skill was tried.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@probe",
    operation_id = "probeAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ProbeAsked,
    responses((status = 200, description = "The agent, with what came of it", body = AgentDetail)),
)]
async fn probe(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(asked): Typed<ProbeAsked>,
) -> Result<Json<AgentDetail>, Refusal> {
    let odd = |error: concordat_model::name::BadName| {
        Refusal::Document(Problem::new("name-form", "/skill", error.to_string()).into())
    };
    let skill: Option<SkillName> = asked.skill.map(|name| name.parse().map_err(odd)).transpose()?;
    let agent = app.engine.probe_agent(&who, &agent, skill.as_ref()).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// Read an agent's card again, and change its registration by what the card says now.
///
/// As policy comes, that waits for approval: nobody but the agent sent it. What cards know nothing of stays: schemas,
/// examples, limits, prices, regimes.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@refresh",
    operation_id = "refreshAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = RefreshAsked,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn refresh(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(asked): Typed<RefreshAsked>,
) -> Result<Json<AgentDetail>, Refusal> {
    let reason = reason::checked(&asked.reason)?;
    let agent = app.engine.refresh_agent(&who, &agent, asked.key, reason).await?;
    Ok(Json(detail(&app, &agent)?))
}
