//! Trust: explained, computed again, and what people say as evidence. There is no route that sets it.

use axum::Json;
use axum::extract::State;
use concordat_engine::{Explained, Testimony};
use concordat_model::decision::Severity;
use concordat_model::name::{BadName, DomainName, SkillName};
use concordat_model::problem::Problem;
use concordat_model::trust::{Rating, Seen};
use concordat_policy::input::{Action, ResourceKind};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::trust::{
    Rated, RatingGiven, TestimonyGiven, TrustAt, TrustExplained, TrustField, TrustIn, TrustMove, TrustQuery,
    TrustReplay, TrustSide,
};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::reason;
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .routes(routes!(testify))
        .routes(routes!(replay))
        .routes(routes!(rate))
}

/// See why an agent is trusted so far.
#[utoipa::path(
    get,
    path = "/v1/agents/{agent}/trust",
    operation_id = "explainTrust",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name"), TrustQuery),
    responses((status = 200, description = "Its trust, and what it is made of", body = TrustExplained)),
)]
async fn explain(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    Strict(query): Strict<TrustQuery>,
) -> Result<Json<TrustExplained>, Refusal> {
    app.permit(&who, Action::AgentsRead, ResourceKind::Agent, None).await?;
    let named = |error: BadName| Refusal::Query(error.to_string());
    let skill: Option<SkillName> = query.skill.map(|name| name.parse().map_err(named)).transpose()?;
    let domain: Option<DomainName> = query.domain.map(|name| name.parse().map_err(named)).transpose()?;
    let found = app.engine.agent(&agent).map_err(|_| Refusal::missing("agent", &agent))?;
    let explained = app.engine.explain_trust(&agent, skill.as_ref(), domain.as_ref()).await?;
    Ok(Json(TrustExplained {
        agent: found.id.to_string(),
        name: found.registration.name.to_string(),
        owner: found.registration.owner.clone(),
        frozen: explained.first().and_then(|one| one.frozen),
        items: explained.iter().map(told).collect(),
    }))
}

/// Say something about an agent that counts as evidence.
///
/// It never sets a score: it is weighed like what Concordat sees itself. A critical violation also suspends the agent.
#[utoipa::path(
    post,
    path = "/v1/agents/{agent}/@testify",
    operation_id = "testifyAboutAgent",
    tag = "agents",
    params(("agent" = String, Path, description = "the agent's id or name")),
    request_body = TestimonyGiven,
    responses((status = 200, description = "How far it is trusted now", body = TrustExplained)),
)]
async fn testify(
    State(app): State<Shared>,
    Who(who): Who,
    Named(agent): Named,
    _: NoQuery,
    Typed(given): Typed<TestimonyGiven>,
) -> Result<Json<TrustExplained>, Refusal> {
    let odd = |place: &str| {
        let place = place.to_owned();
        move |why: String| Refusal::Document(Problem::new("testimony", &place, why).into())
    };
    let skill: SkillName = given.skill.parse().map_err(|error: BadName| odd("/skill")(error.to_string()))?;
    let domain: DomainName =
        given.domain.parse().map_err(|error: BadName| odd("/domain")(error.to_string()))?;
    let most = Seen::MOST_TESTIFIED;
    if given.good.max(given.bad) > most {
        return Err(odd("/good")(format!("one testimony counts for at most {most} outcomes of a kind")));
    }
    let seen = match given.violation {
        Some(_) if given.good > 0 || given.bad > 0 => {
            return Err(odd("/violation")("say either outcomes or a violation".to_owned()));
        }
        Some(word) => {
            let severity: Severity = serde_json::from_value(Value::String(word)).map_err(|_| {
                odd("/violation")("a violation is `low`, `medium`, `high` or `critical`".to_owned())
            })?;
            Seen::Violated { severity }
        }
        None => Seen::Testified { good: given.good, bad: given.bad },
    };
    let reason = reason::checked(&given.reason)?.to_owned();
    let about = (skill.to_string(), domain.to_string());
    app.engine.testify(&who, &agent, Testimony { seen, skill, domain, reason }).await?;
    let query = TrustQuery { skill: Some(about.0), domain: Some(about.1) };
    explain(State(app), Who(who), Named(agent), Strict(query)).await
}

/// Compute all trust again from the log.
///
/// Nothing is stored. It comes out bit for bit the same, or what is wrong is said.
#[utoipa::path(
    get,
    path = "/v1/trust/replay",
    operation_id = "replayTrust",
    tag = "agents",
    responses((status = 200, description = "Whether it came out the same", body = TrustReplay)),
)]
async fn replay(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<TrustReplay>, Refusal> {
    app.permit(&who, Action::AuditRead, ResourceKind::Audit, None).await?;
    let replayed = app.engine.replay_trust().await?;
    let same = replayed.fault.is_none();
    Ok(Json(TrustReplay { changes: replayed.changes, same, fault: replayed.fault }))
}

/// Rate the work of a contract that is over.
///
/// It is evidence on every agent that did a step of it, once for each rater, and none on agents of the rater's own.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/rating",
    operation_id = "rateContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = RatingGiven,
    responses((status = 200, description = "It counts", body = Rated)),
)]
async fn rate(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
    Typed(given): Typed<RatingGiven>,
) -> Result<Json<Rated>, Refusal> {
    let id = run.id("contract")?;
    let rating = Rating::try_from(given.rating)
        .map_err(|error| Refusal::Document(Problem::new("rating", "/rating", error.to_string()).into()))?;
    let counted = app.engine.rate(&who, id, rating).await?;
    Ok(Json(Rated { run: id.to_string(), rating: given.rating, counted }))
}

fn told(explained: &Explained) -> TrustIn {
    let word = |value: Result<Value, serde_json::Error>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    TrustIn {
        domain: explained.key.domain.to_string(),
        skill: explained.key.skill.to_string(),
        revision: explained.key.revision.to_string(),
        at_risk: explained
            .views
            .iter()
            .map(|(risk, view)| TrustAt {
                risk: word(serde_json::to_value(risk)),
                mean: view.mean.points(),
                lower_bound: view.lower_bound.points(),
                unproven: view.unproven,
            })
            .collect(),
        dimensions: explained
            .sides
            .iter()
            .map(|side| TrustSide {
                dimension: side.dimension.as_str().to_owned(),
                weight: side.weight.points(),
                good: side.seen.good,
                bad: side.seen.bad,
                presumed_good: side.presumed.good,
                presumed_bad: side.presumed.bad,
                lower_bound: side.lower_bound.points(),
            })
            .collect(),
        field: TrustField {
            short: explained.drift.short,
            long: explained.drift.long,
            shaken: explained.drift.shaken,
            seen: explained.drift.seen,
            trials: explained.trials.count,
            trial_share: explained.trials.share().points(),
        },
        // Whose contract it was is for those who may read the log: the index leads there.
        changes: explained
            .changes
            .iter()
            .map(|(index, change)| TrustMove {
                index: *index,
                hour: change.after.since,
                seen: serde_json::to_value(change.seen).unwrap_or_default(),
                risk: change.risk.map(|risk| word(serde_json::to_value(risk))),
                formula: word(serde_json::to_value(change.formula)),
            })
            .collect(),
    }
}
