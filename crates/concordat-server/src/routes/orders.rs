//! What people order contracts to do: stop, hold, go on, take longer, be tried again. Each order has a reason, and is
//! refused where it makes no sense.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use concordat_engine::Order;
use concordat_model::name::StepName;
use concordat_model::problem::Problem;
use concordat_model::span::Span;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contracts::taken_in;
use crate::api::contracts::{ContractDetail, Extension, ReasonGiven, Receipt, Retry};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::reason::{self, Reasoned};
use crate::refusal::Refusal;
use crate::{detail, intake};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(kill))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(extend))
        .routes(routes!(retry))
}

/// Cancel a contract.
///
/// Nothing new begins, and finished steps are undone where the contract says so.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@cancel",
    operation_id = "cancelContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn cancel(given: Reasoned) -> Result<Json<ContractDetail>, Refusal> {
    order(given, Order::Cancel).await
}

/// End a contract at once.
///
/// Nothing is waited for, and nothing is undone: what was done stays as it is.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@kill",
    operation_id = "killContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn kill(given: Reasoned) -> Result<Json<ContractDetail>, Refusal> {
    order(given, Order::Kill).await
}

/// Pause a contract.
///
/// Nothing new begins until it is resumed. What agents have already, they may finish; deadlines go on.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@pause",
    operation_id = "pauseContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn pause(given: Reasoned) -> Result<Json<ContractDetail>, Refusal> {
    order(given, Order::Pause).await
}

/// Resume a paused contract.
///
/// What was ready goes on.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@resume",
    operation_id = "resumeContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = ReasonGiven,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn resume(given: Reasoned) -> Result<Json<ContractDetail>, Refusal> {
    order(given, Order::Resume).await
}

/// Put off the deadline of a contract.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@extend",
    operation_id = "extendContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`")),
    request_body = Extension,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn extend(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
    Typed(given): Typed<Extension>,
) -> Result<Json<ContractDetail>, Refusal> {
    let by: Span = given.by.parse().map_err(|error: concordat_model::span::BadSpan| {
        Refusal::Document(Problem::new("span-form", "/by", error.to_string()).into())
    })?;
    let reason = reason::checked(&given.reason)?.to_owned();
    order(Reasoned { app, who, about: run, reason }, Order::Extend(by)).await
}

/// Try a contract that is over again, from one of its steps.
///
/// It becomes a run of its own: what was done before that step is taken over, and the contract is put before policy
/// anew.
#[utoipa::path(
    post,
    path = "/v1/contracts/{run}/@retry",
    operation_id = "retryContract",
    tag = "contracts",
    params(("run" = String, Path, description = "the run that is over, `run_…`")),
    request_body = Retry,
    responses((status = 202, description = "Taken in", body = Receipt, headers(
        ("location" = String, description = "the new run"),
    ))),
)]
async fn retry(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    _: NoQuery,
    Typed(given): Typed<Retry>,
) -> Result<Response, Refusal> {
    let from: StepName = given.from.parse().map_err(|_| Refusal::missing("step", &given.from))?;
    let accepted =
        app.engine.retry(&who, run.id("contract")?, &from, reason::checked(&given.reason)?).await?;
    intake::count(&app, &accepted);
    Ok(taken_in(accepted))
}

async fn order(given: Reasoned, order: Order) -> Result<Json<ContractDetail>, Refusal> {
    let Reasoned { app, who, about, reason } = given;
    let view = app.engine.order(&who, about.id("contract")?, order, &reason).await?;
    Ok(Json(detail::detail(&view, &app.names())?))
}
