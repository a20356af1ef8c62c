//! Contracts: sent, planned, listed, looked at, explained. What people order them to do is in `orders`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::ports::{Page, RunFilter};
use concordat_engine::{Accepted, Caller};
use concordat_model::id::DecisionId;
use concordat_policy::input::{Action, ResourceKind};
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::contracts::{
    ContractDetail, ContractList, ContractRow, ContractsQuery, Plan, Receipt, Replay,
};
use crate::api::why::Why;
use crate::app::{App, Shared};
use crate::body::{Document, Submitted};
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::refusal::Refusal;
use crate::{cursor, detail, intake, why};

/// The rows of a page when nobody says how many.
const PAGE: u32 = 50;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(submit, list))
        .routes(routes!(plan))
        .routes(routes!(get))
        .routes(routes!(explain))
        .routes(routes!(replay))
}

/// Send a contract, or several.
///
/// The body is a contract or a submission, as JSON or, with `application/yaml`, as YAML; their schemas are at
/// `/schemas/contract.json` and `/schemas/submission.json`. When the answer arrives, it is on disk. What policy
/// denies is taken in, too, and is denied then.
#[utoipa::path(
    post,
    path = "/v1/contracts",
    operation_id = "submitContracts",
    tag = "contracts",
    params(("Idempotency-Key" = String, Header, description = "fresh for each new request, the same when repeated",
        min_length = 1, max_length = 255)),
    request_body(content = Object, description = "a contract or a submission", content_type = "application/json"),
    responses((status = 202, description = "Taken in", body = Receipt, headers(
        ("location" = String, description = "the first contract"),
        ("idempotency-replayed" = String, description = "`true` when an earlier request was answered so"),
    ))),
)]
async fn submit(_: NoQuery, Submitted(entry, document): Submitted) -> Result<Response, Refusal> {
    let (value, place) = document.take();
    entry.take_in(value).await.map(taken_in).map_err(|error| place.find(error))
}

/// See what would happen to a contract, or several. Nothing is stored.
#[utoipa::path(
    post,
    path = "/v1/contracts:plan",
    operation_id = "planContracts",
    tag = "contracts",
    request_body(content = Object, description = "a contract or a submission", content_type = "application/json"),
    responses((status = 200, description = "What would happen", body = Plan)),
)]
async fn plan(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    document: Document,
) -> Result<Json<Plan>, Refusal> {
    let (value, place) = document.take();
    intake::plan(&app, &who, value).await.map(Json).map_err(|error| place.find(error))
}

/// List contracts, newest first.
#[utoipa::path(
    get,
    path = "/v1/contracts",
    operation_id = "listContracts",
    tag = "contracts",
    params(ContractsQuery),
    responses((status = 200, description = "A page of contracts", body = ContractList)),
)]
async fn list(
    State(app): State<Shared>,
    Who(who): Who,
    Strict(query): Strict<ContractsQuery>,
) -> Result<Json<ContractList>, Refusal> {
    listed(&app, &who, query).await.map(Json)
}

/// A page of the caller's organisation's contracts.
pub(crate) async fn listed(app: &App, who: &Caller, query: ContractsQuery) -> Result<ContractList, Refusal> {
    app.permit_own(who, Action::ContractsRead, ResourceKind::Contract).await?;
    let submission = query.submission.as_deref().map(str::parse).transpose();
    let mut filter = RunFilter {
        tenant: Some(who.principal.tenant.clone()),
        statuses: query.status.into_iter().collect(),
        submission: submission
            .map_err(|error: concordat_model::id::BadId| Refusal::Query(error.to_string()))?,
        ..RunFilter::default()
    };
    filter.before = query.cursor.map(|cursor| cursor::read(&cursor, &filter)).transpose()?;
    let page = limited(query.limit, PAGE)?;
    let mut rows = app.engine.store().runs(&filter, Page::of(page.rows().saturating_add(1))).await?;
    // The largest page cannot ask for one more row, so it may end with a cursor to an empty page.
    let more = rows.len() > page.rows() as usize || rows.len() == Page::LARGEST.rows() as usize;
    rows.truncate(page.rows() as usize);
    let last = rows.last().filter(|_| more);
    Ok(ContractList {
        next_cursor: last.map(|row| cursor::write(row.id, &filter)),
        items: rows.iter().map(ContractRow::from).collect(),
    })
}

/// See everything about one contract.
#[utoipa::path(
    get,
    path = "/v1/contracts/{run}",
    operation_id = "getContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
) -> Result<Json<ContractDetail>, Refusal> {
    let view = app.engine.run(&who, run.id("contract")?).await?;
    Ok(Json(detail::detail(&view, &app.names())?))
}

/// Ask what happened to a contract, and why.
#[utoipa::path(
    get,
    path = "/v1/contracts/{run}/why",
    operation_id = "explainContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    responses((status = 200, description = "Its story, in words", body = Why)),
)]
async fn explain(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
) -> Result<Json<Why>, Refusal> {
    let view = app.engine.run(&who, run.id("contract")?).await?;
    Ok(Json(why::tell(&view, &app.names())?))
}

/// Make every decision about a contract again.
///
/// Each is made from the input that is stored beside it. Nothing is sent and nothing is recorded.
#[utoipa::path(
    get,
    path = "/v1/contracts/{run}/replay",
    operation_id = "replayContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    responses((status = 200, description = "Which decisions came out the same", body = Replay)),
)]
async fn replay(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
) -> Result<Json<Replay>, Refusal> {
    let replayed = app.engine.replay(&who, run.id("contract")?).await?;
    let ids = |decisions: &[DecisionId]| decisions.iter().map(ToString::to_string).collect();
    Ok(Json(Replay {
        run: replayed.run.to_string(),
        records: replayed.records,
        same: ids(&replayed.same),
        different: ids(&replayed.different),
        not_replayable: ids(&replayed.not_replayable),
    }))
}

/// The answer to what was taken in, now or by an earlier request.
pub(super) fn taken_in(accepted: Accepted) -> Response {
    let replayed = accepted.replayed;
    let receipt = Receipt::from(accepted);
    let location =
        receipt.contracts.first().map(|line| format!("/v1/contracts/{}", line.run)).unwrap_or_default();
    let mut response = (StatusCode::ACCEPTED, Json(receipt)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    told_before(&mut response, replayed);
    response
}

/// Says that an earlier request was answered so.
pub(super) fn told_before(response: &mut Response, replayed: bool) {
    if replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
}

/// The size of a page, within its bounds.
pub(super) fn limited(limit: Option<u32>, usual: u32) -> Result<Page, Refusal> {
    match limit {
        None => Ok(Page::of(usual)),
        Some(rows) if Page::of(rows).rows() == rows => Ok(Page::of(rows)),
        Some(rows) => Err(Refusal::Query(format!("`limit` lies between 1 and 1000, not at {rows}"))),
    }
}
