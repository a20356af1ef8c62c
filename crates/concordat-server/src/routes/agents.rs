//! Agents: listed, looked at, registered, suspended, restored.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::Trusted;
use concordat_engine::ports::{CardProtocol, CardWanted};
use concordat_model::agent::{Agent, Registration, Standing};
use concordat_model::name::{DomainName, SkillName};
use concordat_model::problem::Problem;
use concordat_policy::input::{Action, ResourceKind};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::agents::{
    AgentDetail, AgentDraft, AgentList, AgentRow, AgentState, AgentsQuery, CardAsked, Load, SkillLoad,
    Speaks, Suspension, Trust,
};
use crate::api::contracts::ReasonGiven;
use crate::app::{App, Shared};
use crate::body::{Document, Typed};
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::reason;
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(import))
        .routes(routes!(get))
        .routes(routes!(suspend))
        .routes(routes!(restore))
}

/// List agents by name.
#[utoipa::path(
    get,
    path = "/v1/agents",
    operation_id = "listAgents",
    tag = "agents",
    params(AgentsQuery),
    responses((status = 200, description = "The agents", body = AgentList)),
)]
async fn list(
    State(app): State<Shared>,
    Who(who): Who,
    Strict(query): Strict<AgentsQuery>,
) -> Result<Json<AgentList>, Refusal> {
    app.permit(&who, Action::AgentsRead, ResourceKind::Agent, None).await?;
    let named = |error: concordat_model::name::BadName| Refusal::Query(error.to_string());
    let skill: Option<SkillName> = query.skill.map(|name| name.parse().map_err(named)).transpose()?;
    let domain: Option<DomainName> = query.domain.map(|name| name.parse().map_err(named)).transpose()?;
    let wanted = |agent: &&std::sync::Arc<Agent>| {
        let registration = &agent.registration;
        skill.as_ref().is_none_or(|skill| registration.skill(skill).is_some())
            && domain.as_ref().is_none_or(|domain| registration.domains.contains(domain))
    };
    let items = app.engine.agents().iter().filter(wanted).map(|agent| row(&app, agent)).collect();
    Ok(Json(AgentList { items }))
}

/// Register an agent.
///
/// What an agent says of itself is a claim. It cannot claim trust or preference.
#[utoipa::path(
    post,
    path = "/v1/agents",
    operation_id = "registerAgent",
    tag = "agents",
    request_body(content = Object, description = "a registration", content_type = "application/json"),
    responses((status = 201, description = "It is registered", body = AgentDetail,
        headers(("location" = String, description = "the agent")))),
)]
async fn register(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    document: Document,
) -> Result<Response, Refusal> {
    let (value, place) = document.take();
    let agent = app.engine.register_agent(&who, value).await.map_err(|error| place.find(error))?;
    let mut response = (StatusCode::CREATED, Json(detail(&app, &agent)?)).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/agents/{}", agent.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Draft a registration out of an agent's A2A card, or of an MCP server's list of tools. Nothing is registered.
///
/// What either says is a claim. A card's interface has to be where the card is, and a key, if one is given, has to have
/// signed it.
#[utoipa::path(
    post,
    path = "/v1/agents:import",
    operation_id = "importAgent",
    tag = "agents",
    request_body = CardAsked,
    responses((status = 200, description = "What could be registered", body = AgentDraft)),
)]
async fn import(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(asked): Typed<CardAsked>,
) -> Result<Json<AgentDraft>, Refusal> {
    let CardAsked { protocol, url, domains, owner, key } = asked;
    let protocol = match protocol {
        Speaks::A2a => CardProtocol::A2a,
        Speaks::Mcp => CardProtocol::Mcp,
    };
    let wrong = |error: concordat_model::name::BadName| {
        Refusal::Document(Problem::new("name-form", "/domains", error.to_string()).into())
    };
    let domains = domains.iter().map(|name| name.parse().map_err(wrong)).collect::<Result<_, _>>()?;
    let draft = app.engine.draft_agent(&who, CardWanted { protocol, url, key, owner, domains }).await?;
    let registration = written(&draft.registration)?;
    Ok(Json(AgentDraft { registration, notes: draft.notes, signed: draft.signed }))
}

/// See everything about one agent.
#[utoipa::path(
    get,
    path = "/v1/agents/{agent}",
    operation_id = "getAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    responses((status = 200, description = "The agent", body = AgentDetail)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
) -> Result<Json<AgentDetail>, Refusal> {
    // Asked first, so that only who may look learns whether there is such an agent.
    app.permit(&who, Action::AgentsRead, ResourceKind::Agent, None).await?;
    let agent = found(&app, &agent)?;
    Ok(Json(detail(&app, &agent)?))
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
async fn suspend(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<ReasonGiven>,
) -> Result<Json<AgentDetail>, Refusal> {
    let reason = reason::checked(&given.reason)?;
    let agent = app.engine.suspend_agent(&who, &agent, reason).await?;
    Ok(Json(detail(&app, &agent)?))
}

/// Give a suspended agent work again.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@restore",
    operation_id = "restoreAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The agent as it stands", body = AgentDetail)),
)]
async fn restore(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<ReasonGiven>,
) -> Result<Json<AgentDetail>, Refusal> {
    let reason = reason::checked(&given.reason)?;
    let agent = app.engine.restore_agent(&who, &agent, reason).await?;
    Ok(Json(detail(&app, &agent)?))
}

fn written(registration: &Registration) -> Result<serde_json::Value, Refusal> {
    let unwritten = |error| Refusal::Internal(format!("`{}` cannot be shown: {error}", registration.name));
    serde_json::to_value(registration).map_err(unwritten)
}

fn found(app: &App, name: &str) -> Result<std::sync::Arc<Agent>, Refusal> {
    app.engine.agent(name).map_err(|_| Refusal::missing("agent", name))
}

fn row(app: &App, agent: &Agent) -> AgentRow {
    let registration = &agent.registration;
    AgentRow {
        id: agent.id.to_string(),
        name: registration.name.to_string(),
        owner: registration.owner.clone(),
        domains: registration.domains.iter().map(ToString::to_string).collect(),
        skills: registration.skills.iter().map(|skill| skill.name.to_string()).collect(),
        state: match agent.standing {
            Standing::Eligible => AgentState::Eligible,
            Standing::Suspended { .. } => AgentState::Suspended,
        },
        in_flight: app.engine.in_flight(agent.id),
        url: registration.binding.url().to_owned(),
        revision: agent.revision.to_string(),
    }
}

fn detail(app: &App, agent: &Agent) -> Result<AgentDetail, Refusal> {
    let registration = written(&agent.registration)?;
    Ok(AgentDetail {
        row: row(app, agent),
        suspended: match &agent.standing {
            Standing::Eligible => None,
            Standing::Suspended { by, reason } => {
                Some(Suspension { by: by.to_string(), reason: reason.clone() })
            }
        },
        registered: agent.registered,
        registration,
        trust: app.engine.trust_in(agent.id).iter().map(trust).collect(),
        load: load(app, agent),
    })
}

fn load(app: &App, agent: &Agent) -> Load {
    let limits = app.engine.limits_of(agent);
    let skills = limits.skills.into_iter().map(|one| SkillLoad {
        skill: one.skill.to_string(),
        breaker: one.breaker.as_str().to_owned(),
        until: one.until,
        retries_left: one.retries_left,
    });
    Load {
        in_flight: app.engine.in_flight(agent.id),
        concurrency: agent.registration.limits.concurrency,
        rate_left: limits.rate_left,
        rests_until: limits.rests_until,
        skills: skills.collect(),
    }
}

fn trust(trusted: &Trusted) -> Trust {
    Trust {
        domain: trusted.key.domain.to_string(),
        skill: trusted.key.skill.to_string(),
        revision: trusted.key.revision.to_string(),
        mean: trusted.view.mean.points(),
        lower_bound: trusted.view.lower_bound.points(),
        evidence: trusted.view.evidence,
    }
}
