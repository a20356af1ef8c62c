//! Agents: listed, looked at, registered, changed, suspended, restored. The other steps of their lives are in
//! `agents/lives.rs`.

mod credentials;
mod difference;
mod lives;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::Trusted;
use concordat_engine::ports::{CardProtocol, CardWanted};
use concordat_model::agent::{Agent, Placed, Probed, Registration, Standing, TriedExample};
use concordat_model::digest::Digest;
use concordat_model::name::{AgentName, DomainName, SkillName};
use concordat_model::problem::Problem;
use concordat_policy::input::{Action, ResourceKind};
use http::header::{ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::difference::differences;
use crate::api::agents::{
    AgentDetail, AgentDraft, AgentList, AgentRow, AgentState, AgentsQuery, CardAsked, ExampleTried, Health,
    InstanceLoad, Load, Placement, ProposedRevision, ReviseQuery, SkillLoad, SkillTried, Speaks, Suspension,
    Trust,
};
use crate::app::{App, Shared};
use crate::body::{Document, Typed};
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::reason;
use crate::refusal::Refusal;

/// The most agents on one page.
const MOST_ROWS: u32 = 1000;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(import))
        .routes(routes!(get, revise))
        .merge(lives::routes())
        .merge(credentials::routes())
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
    let after =
        query.cursor.map(|name| name.parse::<AgentName>()).transpose().map_err(|_| Refusal::Cursor)?;
    let most = query.limit.unwrap_or(MOST_ROWS);
    if !(1..=MOST_ROWS).contains(&most) {
        return Err(Refusal::Query(format!("`limit` lies between 1 and {MOST_ROWS}")));
    }
    let Some(most) = usize::try_from(most).ok() else { return Err(Refusal::Query("`limit`".to_owned())) };
    let wanted = |agent: &Agent| {
        let registration = &agent.registration;
        skill.as_ref().is_none_or(|skill| registration.skill(skill).is_some())
            && domain.as_ref().is_none_or(|domain| registration.domains.contains(domain))
            && query.state.is_none_or(|state| state == AgentState::from(agent.standing))
            && query.tag.as_ref().is_none_or(|tag| registration.tags.contains(tag))
            && query.compliance.as_ref().is_none_or(|regime| registration.compliance.contains(regime))
    };
    let trusted = |agent: &Agent| {
        query.least_trust.is_none_or(|least| {
            app.engine.trust_in(agent.id).iter().any(|one| {
                one.key.revision == agent.revision
                    && skill.as_ref().is_none_or(|skill| one.key.skill == *skill)
                    && domain.as_ref().is_none_or(|domain| one.key.domain == *domain)
                    && one.view.lower_bound.points() >= least
            })
        })
    };
    let (mut items, mut after) = (Vec::new(), after);
    let next_cursor = loop {
        // Trust is asked about outside the registry's lock, so page by page.
        let page = app.engine.agents_after(after.as_ref(), most, &wanted);
        let whole = page.len() == most;
        for agent in page {
            after = Some(agent.registration.name.clone());
            if trusted(&agent) {
                items.push(row(&app, &agent));
            }
            if items.len() == most {
                break;
            }
        }
        if items.len() == most || !whole {
            break after.filter(|_| items.len() == most).map(|name| name.to_string());
        }
    };
    Ok(Json(AgentList { items, next_cursor }))
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
    responses((status = 200, description = "The agent", body = AgentDetail,
        headers(("etag" = String, description = "the revision of its registration")))),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
) -> Result<Response, Refusal> {
    // Asked first, so that only who may look learns whether there is such an agent.
    app.permit(&who, Action::AgentsRead, ResourceKind::Agent, None).await?;
    let agent = found(&app, &agent)?;
    tagged(&app, &agent)
}

/// Change an agent's registration, if the one in force is the one that you have seen.
///
/// What was eligible is on probation then. Where policy wants people to look first, the change waits beside what is in
/// force, as `proposed`.
#[utoipa::path(
    put,
    path = "/v1/agents/{agent}",
    operation_id = "reviseAgent",
    tag = "agents",
    params(
        ("agent" = String, Path, description = "the agent's id or name"),
        ("if-match" = String, Header, description = "the `ETag` that was seen"),
        ReviseQuery,
    ),
    request_body(content = Object, description = "a registration", content_type = "application/json"),
    responses((status = 200, description = "The agent as it stands", body = AgentDetail,
        headers(("etag" = String, description = "the revision of its registration")))),
)]
async fn revise(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    query: Result<Strict<ReviseQuery>, Refusal>,
    headers: HeaderMap,
    document: Result<Document, Refusal>,
) -> Result<Response, Refusal> {
    // `PUT /v1/agents/x:approve` names no agent, whatever else is wrong with it.
    if agent.contains(':') {
        return Err(Refusal::MethodNotAllowed);
    }
    let (Strict(query), document) = (query?, document?);
    let reason = reason::checked(&query.reason)?;
    let seen = seen(&headers)?;
    let (value, place) = document.take();
    let revised = app.engine.revise_agent(&who, &agent, seen, value, reason).await;
    let agent = revised.map_err(|error| place.find(error))?;
    tagged(&app, &agent)
}

/// The revision that a change was made from.
fn seen(headers: &HeaderMap) -> Result<Digest, Refusal> {
    let mut sent = headers.get_all(IF_MATCH).iter();
    let (Some(tag), None) = (sent.next(), sent.next()) else { return Err(Refusal::Unconditional) };
    let tag = tag.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    tag.ok_or(Refusal::Header {
        code: "if-match-invalid",
        message: "an `If-Match` is the `ETag` of the agent as you saw it: `\"sha256:…\"`",
    })
}

/// The agent, under the tag of its registration.
fn tagged(app: &App, agent: &Agent) -> Result<Response, Refusal> {
    let mut response = Json(detail(app, agent)?).into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", agent.revision)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
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
    let limits = app.engine.limits_of(agent);
    AgentRow {
        id: agent.id.to_string(),
        name: registration.name.to_string(),
        owner: registration.owner.clone(),
        domains: registration.domains.iter().map(ToString::to_string).collect(),
        skills: registration.skills.iter().map(|skill| skill.name.to_string()).collect(),
        state: agent.standing.into(),
        in_flight: app.engine.in_flight(agent.id),
        waiting: limits.waiting,
        health: limits.health.map(Health::from),
        url: registration.binding.url().to_owned(),
        revision: agent.revision.to_string(),
    }
}

fn detail(app: &App, agent: &Agent) -> Result<AgentDetail, Refusal> {
    let registration = written(&agent.registration)?;
    Ok(AgentDetail {
        row: row(app, agent),
        suspended: agent
            .placed
            .as_ref()
            .filter(|_| agent.standing == Standing::Suspended)
            .map(|placed| Suspension { by: who(placed), reason: placed.reason.clone() }),
        placed: agent.placed.as_ref().map(placement),
        author: agent.author.as_ref().map(ToString::to_string),
        proposed: match &agent.proposed {
            None => None,
            Some(proposed) => {
                let wanted = written(&proposed.registration)?;
                Some(ProposedRevision {
                    revision: proposed.revision.to_string(),
                    placed: placement(&proposed.placed),
                    changes: differences(&registration, &wanted),
                    registration: wanted,
                })
            }
        },
        tried: agent.probed.iter().map(|(skill, probed)| tried(agent, skill, probed)).collect(),
        credentials: agent.credentials.as_ref().map(|known| credentials::shown(agent, known)),
        registered: agent.registered,
        registration,
        trust: app.engine.trust_in(agent.id).iter().map(trust).collect(),
        load: load(app, agent),
    })
}

fn placement(placed: &Placed) -> Placement {
    Placement { by: who(placed), reason: placed.reason.clone(), at: placed.at }
}

fn who(placed: &Placed) -> String {
    placed.by.as_ref().map_or_else(|| "policy".to_owned(), ToString::to_string)
}

fn tried(agent: &Agent, skill: &SkillName, probed: &Probed) -> SkillTried {
    SkillTried {
        skill: skill.to_string(),
        verified: agent.verified(skill),
        result: probed.result.as_str().to_owned(),
        problems: probed.problems.clone(),
        revision: probed.revision.to_string(),
        outdated: probed.revision != agent.revision,
        examples: (1..).zip(&probed.examples).map(|(place, tried)| example(place, tried)).collect(),
        at: probed.at,
    }
}

fn example(place: u32, tried: &TriedExample) -> ExampleTried {
    ExampleTried {
        nth: tried.nth.unwrap_or(place),
        instance: tried.instance.clone(),
        name: tried.name.clone(),
        result: tried.result.as_str().to_owned(),
        latency_ms: tried.latency_ms,
        decision: tried.enroll.to_string(),
    }
}

impl From<Standing> for AgentState {
    fn from(standing: Standing) -> AgentState {
        match standing {
            Standing::Proposed => AgentState::Proposed,
            Standing::Probation => AgentState::Probation,
            Standing::Eligible => AgentState::Eligible,
            Standing::Quarantined => AgentState::Quarantined,
            Standing::Suspended => AgentState::Suspended,
            Standing::Retired => AgentState::Retired,
        }
    }
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
        instances: limits.instances.into_iter().map(InstanceLoad::from).collect(),
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
