//! Policies: published, looked at, compared, promoted and taken back.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::{ImpactWanted, NotReplayable, Promotion};
use concordat_model::digest::Digest;
use concordat_model::policy_book;
use concordat_model::problem::Problem;
use concordat_model::share::Share;
use concordat_policy::Bundle;
use concordat_report::revision_diff;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::contracts::ReasonGiven;
use crate::api::policies::{
    DiffQuery, FileDiff, Finding, Flip, ImpactQuery, ImpactReport, PolicyDetail, PolicyDiff, PolicyList,
    PolicyPromotion, PolicyPublished, PolicyRevision, Stage,
};
use crate::app::{App, Shared};
use crate::body::{Bundled, Typed};
use crate::detail;
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::reason::{self, Reasoned};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, publish))
        .routes(routes!(get))
        .routes(routes!(diff))
        .routes(routes!(promote))
        .routes(routes!(withdraw))
        .routes(routes!(impact))
        .routes(routes!(roll_back))
}

/// List the revisions of the policy, newest first.
#[utoipa::path(
    get,
    path = "/v1/policies",
    operation_id = "listPolicies",
    tag = "policy",
    responses((status = 200, description = "The revisions", body = PolicyList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<PolicyList>, Refusal> {
    let revisions = app.engine.policy_revisions(&who).await?;
    Ok(Json(PolicyList { items: revisions.iter().map(PolicyRevision::from).collect() }))
}

/// Publish a bundle: it is looked over and kept, and decides nothing yet.
///
/// The body is a bundle: as JSON `{"files": {path: text}, "data": {…}, "label": "…", "roots": ["…"]}`, of which only
/// `files` is needed, or with `application/gzip` an OPA bundle archive. What keeps it from being published is told
/// in `errors`, with file, line and column.
#[utoipa::path(
    post,
    path = "/v1/policies",
    operation_id = "publishPolicy",
    tag = "policy",
    request_body(content = Object, description = "a bundle", content_type = "application/json"),
    responses(
        (status = 201, description = "It is kept", body = PolicyPublished),
        (status = 200, description = "It was known before", body = PolicyPublished),
    ),
)]
async fn publish(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Bundled(bundle): Bundled,
) -> Result<Response, Refusal> {
    let published = app.engine.publish_policy(&who, bundle).await?;
    let status = if published.known { StatusCode::OK } else { StatusCode::CREATED };
    let warnings = published.warnings.iter().map(Finding::from).collect();
    let body = PolicyPublished { revision: (&published.view).into(), warnings };
    Ok((status, Json(body)).into_response())
}

/// See a revision with its bundle. The `ETag` is the revision.
#[utoipa::path(
    get,
    path = "/v1/policies/{revision}",
    operation_id = "getPolicyRevision",
    tag = "policy",
    params(("revision" = String, Path, description = "the revision, `sha256:…`")),
    responses((status = 200, description = "The revision", body = PolicyDetail)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    revision: Named,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let revision: Digest = revision.id("policy revision")?;
    let (view, bundle) = app.engine.policy_bundle(&who, revision).await?;
    let tag = format!("\"{revision}\"");
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).map_err(|error| Refusal::Internal(error.to_string()))?;
    if known {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let bundle = serde_json::from_slice(&bundle.document())
        .map_err(|error| Refusal::Internal(format!("the bundle {revision} cannot be shown: {error}")))?;
    Ok(([(ETAG, tag)], Json(PolicyDetail { revision: (&view).into(), bundle })).into_response())
}

/// See what a revision changes.
#[utoipa::path(
    get,
    path = "/v1/policies/{revision}/diff",
    operation_id = "diffPolicy",
    tag = "policy",
    params(("revision" = String, Path, description = "the revision, `sha256:…`"), DiffQuery),
    responses((status = 200, description = "The difference", body = PolicyDiff)),
)]
async fn diff(
    State(app): State<Shared>,
    Who(who): Who,
    revision: Named,
    Strict(query): Strict<DiffQuery>,
) -> Result<Json<PolicyDiff>, Refusal> {
    let revision: Digest = revision.id("policy revision")?;
    let against = match query.against {
        Some(against) => Named(against).id("policy revision")?,
        None => app.engine.policy_revision(),
    };
    let (_, new) = app.engine.policy_bundle(&who, revision).await?;
    let (_, old) = app.engine.policy_bundle(&who, against).await?;
    let files = differences(&old, &new)?;
    Ok(Json(PolicyDiff { revision: revision.to_string(), against: against.to_string(), files }))
}

fn differences(old: &Bundle, new: &Bundle) -> Result<Vec<FileDiff>, Refusal> {
    let document = |bundle: &Bundle| {
        serde_json::from_slice(&bundle.document()).map_err(|error| Refusal::Internal(error.to_string()))
    };
    let files = revision_diff::between(&document(old)?, &document(new)?);
    Ok(files.into_iter().map(|file| FileDiff { path: file.path, diff: file.diff }).collect())
}

/// Let a revision go to another stage, if the promote gate permits it.
#[utoipa::path(
    post,
    path = "/v1/policies/{revision}/@promote",
    operation_id = "promotePolicy",
    tag = "policy",
    params(("revision" = String, Path, description = "the revision, `sha256:…`")),
    request_body = PolicyPromotion,
    responses((status = 200, description = "The revision as it stands", body = PolicyRevision)),
)]
async fn promote(
    State(app): State<Shared>,
    Who(who): Who,
    revision: Named,
    _: NoQuery,
    Typed(wanted): Typed<PolicyPromotion>,
) -> Result<Json<PolicyRevision>, Refusal> {
    let revision: Digest = revision.id("policy revision")?;
    let reason = reason::checked(&wanted.reason)?.to_owned();
    let to = stage(&wanted)?;
    let most_differ = wanted.most_differ.map(|points| share(points, "/most_differ")).transpose()?;
    let promotion = Promotion { to, reason, break_glass: wanted.break_glass, most_differ };
    let view = app.engine.promote_policy(&who, revision, promotion).await?;
    Ok(Json((&view).into()))
}

fn stage(wanted: &PolicyPromotion) -> Result<policy_book::Stage, Refusal> {
    let wrong = |message: &str| Refusal::Document(Problem::new("share", "/share", message).into());
    match (wanted.to, wanted.share) {
        (Stage::Canary, Some(points)) => Ok(policy_book::Stage::Canary { share: share(points, "/share")? }),
        (Stage::Canary, None) => {
            Err(wrong("a canary needs a `share`: how many contracts of 10000 it decides"))
        }
        (_, Some(_)) => Err(wrong("only a canary has a `share`")),
        (Stage::Off, None) => Ok(policy_book::Stage::Off),
        (Stage::Shadow, None) => Ok(policy_book::Stage::Shadow),
        (Stage::Enforced, None) => Ok(policy_book::Stage::Enforced),
    }
}

fn share(points: u16, place: &str) -> Result<Share, Refusal> {
    Share::try_from(points)
        .map_err(|error| Refusal::Document(Problem::new("share", place, error.to_string()).into()))
}

/// Take a revision off trial.
#[utoipa::path(
    post,
    path = "/v1/policies/{revision}/@withdraw",
    operation_id = "withdrawPolicy",
    tag = "policy",
    params(("revision" = String, Path, description = "the revision, `sha256:…`")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The revision as it stands", body = PolicyRevision)),
)]
async fn withdraw(order: Reasoned) -> Result<Json<PolicyRevision>, Refusal> {
    let Reasoned { app, who, about, reason } = order;
    let revision: Digest = about.id("policy revision")?;
    let view = app.engine.withdraw_policy(&who, revision, reason).await?;
    Ok(Json((&view).into()))
}

/// Take the policy in force back: the one before it is in force again.
#[utoipa::path(
    post,
    path = "/v1/policies:rollBack",
    operation_id = "rollBackPolicy",
    tag = "policy",
    request_body = ReasonGiven,
    responses((status = 200, description = "The revision that is in force again", body = PolicyRevision)),
)]
async fn roll_back(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(given): Typed<ReasonGiven>,
) -> Result<Json<PolicyRevision>, Refusal> {
    let reason = reason::checked(&given.reason)?.to_owned();
    Ok(Json((&app.engine.roll_back_policy(&who, reason).await?).into()))
}

/// See what a revision would have decided: stored decisions are asked again.
///
/// That you saw it is recorded; the promote gate asks for it.
#[utoipa::path(
    post,
    path = "/v1/policies/{revision}/@impact",
    operation_id = "seePolicyImpact",
    tag = "policy",
    params(("revision" = String, Path, description = "the revision, `sha256:…`")),
    request_body = ImpactQuery,
    responses((status = 200, description = "What would have been decided otherwise", body = ImpactReport)),
)]
async fn impact(
    State(app): State<Shared>,
    Who(who): Who,
    revision: Named,
    _: NoQuery,
    Typed(query): Typed<ImpactQuery>,
) -> Result<Json<ImpactReport>, Refusal> {
    let revision: Digest = revision.id("policy revision")?;
    let wanted = ImpactWanted { since: query.since, until: query.until };
    let report = app.engine.policy_impact(&who, revision, wanted).await?;
    Ok(Json(render(&app, report)))
}

fn render(app: &App, report: concordat_engine::ImpactReport) -> ImpactReport {
    let routed = report.samples.iter().filter_map(|flip| flip.rerouted);
    let ids = report.agents_gained.keys().chain(report.agents_lost.keys()).copied();
    let ids = ids.chain(routed.flat_map(|(was, would)| [was, would]));
    let names = detail::names(ids, app.names());
    let name = |id: &concordat_model::id::AgentId| {
        let id = id.to_string();
        names.get(&id).cloned().unwrap_or(id)
    };
    let agents = |counts: BTreeMap<concordat_model::id::AgentId, u64>| {
        counts.iter().map(|(id, count)| (name(id), *count)).collect()
    };
    let flip = |flip: &concordat_engine::Flip| Flip {
        decision: flip.decision.to_string(),
        gate: flip.gate.to_string(),
        subject: flip.subject.clone(),
        at: flip.at.clone(),
        was: flip.was.clone(),
        would: flip.would.clone(),
        codes: flip.codes.clone(),
        agent: flip.rerouted.map(|(was, _)| name(&was)),
        would_agent: flip.rerouted.map(|(_, would)| name(&would)),
    };
    let why = |why: NotReplayable| match why {
        NotReplayable::InputGone => "input_gone",
        NotReplayable::OtherEvaluator => "other_evaluator",
    };
    ImpactReport {
        revision: report.revision.to_string(),
        against: report.against.to_string(),
        decisions: report.decisions,
        replayed: report.replayed,
        not_replayable: report
            .not_replayable
            .iter()
            .map(|(one, count)| (why(*one).to_owned(), *count))
            .collect(),
        same: report.same,
        same_answer: report.same_answer,
        would_permit: report.would_permit,
        would_review: report.would_review,
        would_deny: report.would_deny,
        other_agents: report.other_agents,
        rerouted: report.rerouted,
        samples: report.samples.iter().map(flip).collect(),
        agents_gained: agents(report.agents_gained),
        agents_lost: agents(report.agents_lost),
        codes_new: report.codes_new,
        codes_gone: report.codes_gone,
    }
}
