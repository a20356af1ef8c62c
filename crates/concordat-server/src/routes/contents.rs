//! What contracts, events and questions hold: forgotten on request or for its age, and held.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine as engine;
use concordat_model::hold::{self, Held};
use concordat_model::problem::Problem;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::contents::{Erase, Erased, Hold, HoldList, Kind, NewHold, Prune, Pruned, ReleaseHold};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::reason;
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(erase))
        .routes(routes!(prune))
        .routes(routes!(list, set))
        .routes(routes!(release))
}

/// Have what contracts, events or questions hold forgotten, because somebody may ask for it.
///
/// When this answers, it is gone: nobody reads it any more, and its digests in the log confirm no guess. The records
/// stay, and every proof holds. What is not over, or held, is not forgotten (409).
#[utoipa::path(
    post,
    path = "/v1/contents:erase",
    operation_id = "eraseContents",
    tag = "contents",
    request_body = Erase,
    responses((status = 200, description = "What was forgotten", body = Erased)),
)]
async fn erase(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(wanted): Typed<Erase>,
) -> Result<Json<Erased>, Refusal> {
    let basis = reason::checked(&wanted.basis)?.to_owned();
    let engine::Erased { owners, payloads, records } =
        app.engine.erase(&who, erasable(wanted)?, &basis).await?;
    let records = records.iter().map(ToString::to_string).collect();
    Ok(Json(Erased { erased: owners, payloads, records }))
}

/// Have everything of a kind forgotten that is older than it is to be kept.
#[utoipa::path(
    post,
    path = "/v1/contents:prune",
    operation_id = "pruneContents",
    tag = "contents",
    request_body = Prune,
    responses((status = 200, description = "What came of it", body = Pruned)),
)]
async fn prune(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(wanted): Typed<Prune>,
) -> Result<Json<Pruned>, Refusal> {
    let Prune { kind, before, below_floor } = wanted;
    let below_floor = below_floor.as_deref().map(reason::checked).transpose()?.map(str::to_owned);
    let pruned = app.engine.prune(&who, &engine::Prune { kind: kind.into(), before, below_floor }).await?;
    let engine::Pruned { forgotten, payloads, held, open, records } = pruned;
    let records = records.iter().map(ToString::to_string).collect();
    Ok(Json(Pruned { forgotten, payloads, held, open, records }))
}

/// List what is held of your own organisation, oldest first.
#[utoipa::path(
    get,
    path = "/v1/holds",
    operation_id = "listHolds",
    tag = "contents",
    responses((status = 200, description = "The holds", body = HoldList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<HoldList>, Refusal> {
    let holds = app.engine.holds(&who).await?;
    Ok(Json(HoldList { items: holds.into_iter().map(Hold::from).collect() }))
}

/// Keep a contract, or everything of your organisation, from being forgotten.
#[utoipa::path(
    post,
    path = "/v1/holds",
    operation_id = "setHold",
    tag = "contents",
    request_body = NewHold,
    responses((status = 201, description = "The hold", body = Hold)),
)]
async fn set(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(wanted): Typed<NewHold>,
) -> Result<Response, Refusal> {
    let why = reason::checked(&wanted.reason)?;
    let held = match &wanted.contract {
        Some(run) => Held::Contract { run: id("contract", run)? },
        None => Held::Everything,
    };
    let hold = app.engine.set_hold(&who, held, why).await?;
    Ok((StatusCode::CREATED, Json(Hold::from(hold))).into_response())
}

/// Let what was held be forgotten again.
#[utoipa::path(
    post,
    path = "/v1/holds/{hold}/@release",
    operation_id = "releaseHold",
    tag = "contents",
    request_body = ReleaseHold,
    params(("hold" = String, Path, description = "the hold's id, `hold_…`")),
    responses((status = 200, description = "The hold as it was", body = Hold)),
)]
async fn release(
    State(app): State<Shared>,
    Who(who): Who,
    named: Named,
    _: NoQuery,
    Typed(wanted): Typed<ReleaseHold>,
) -> Result<Json<Hold>, Refusal> {
    let why = reason::checked(&wanted.reason)?;
    Ok(Json(app.engine.release_hold(&who, named.id("hold")?, why).await?.into()))
}

fn erasable(wanted: Erase) -> Result<engine::Erasable, Refusal> {
    let Erase { contract, event, decision, subject, basis: _ } = wanted;
    match (contract, event, decision, subject) {
        (Some(run), None, None, None) => Ok(engine::Erasable::Contract(id("contract", &run)?)),
        (None, Some(event), None, None) => Ok(engine::Erasable::Event(id("event", &event)?)),
        (None, None, Some(decision), None) => Ok(engine::Erasable::Decision(id("decision", &decision)?)),
        (None, None, None, Some(subject)) if !subject.is_empty() => Ok(engine::Erasable::Subject(subject)),
        _ => {
            let message = "one of `contract`, `event`, `decision` and `subject` says what is to be forgotten";
            Err(Refusal::Document(Problem::new("document-form", "", message).into()))
        }
    }
}

fn id<T: FromStr>(member: &'static str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        let message = format!("`{}` is not the id of a {member}", text.chars().take(80).collect::<String>());
        Refusal::Document(Problem::new("document-form", format!("/{member}"), message).into())
    })
}

impl From<Kind> for engine::ContentKind {
    fn from(kind: Kind) -> engine::ContentKind {
        match kind {
            Kind::Contracts => engine::ContentKind::Contracts,
            Kind::Events => engine::ContentKind::Events,
            Kind::Decisions => engine::ContentKind::Decisions,
        }
    }
}

impl From<hold::Hold> for Hold {
    fn from(hold: hold::Hold) -> Hold {
        let hold::Hold { id, tenant: _, held, reason, by, since } = hold;
        let contract = match held {
            Held::Everything => None,
            Held::Contract { run } => Some(run.to_string()),
        };
        Hold { id: id.to_string(), contract, reason, by: by.to_string(), since }
    }
}
