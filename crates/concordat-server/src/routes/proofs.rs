//! Proofs for strangers: receipts, consistency, and the log as tiles (`c2sp.org/tlog-tiles`).
//!
//! Hashes are no secret, and still the access gate decides who reads them here: an operator who wants to publish
//! them exports them to any web server (`audit tiles`). Tiles have the paths that their specification gives them,
//! which is why they are not in the description of the API.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use concordat_engine::ports::{Page, RecordFilter, StoredRecord};
use concordat_engine::{Caller, EngineError, proofs};
use concordat_ledger::tree::Tile;
use concordat_model::id::{DecisionId, RecordId, RunId};
use concordat_policy::input::{Action, ResourceKind};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit;
use crate::api::audit::{ConsistencyQuery, ReceiptQuery};
use crate::app::{App, Shared};
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(receipt)).routes(routes!(consistency))
}

/// The log as tiles.
pub(super) fn tiles() -> axum::Router<Shared> {
    axum::Router::new()
        .route("/checkpoint", get(audit::checkpoint))
        .route("/tile/{level}/{*index}", get(tile))
}

/// Get a record's receipt: the proof that it is in the log, which needs nothing but the log's public key.
///
/// The form is `c2sp.org/tlog-proof@v1`. What it proves are the bytes of the record.
#[utoipa::path(
    get,
    path = "/v1/audit/receipts/{id}",
    operation_id = "getReceipt",
    tag = "audit",
    params(
        ("id" = String, Path, description = "a record, `rec_…`; a decision, `dec_…`; or a run, `run_…`, for the record \
            with which it began"),
        ReceiptQuery,
    ),
    responses((status = 200, description = "The receipt", body = String, content_type = "text/plain")),
)]
async fn receipt(
    State(app): State<Shared>,
    Who(who): Who,
    Named(id): Named,
    Strict(query): Strict<ReceiptQuery>,
) -> Result<Response, Refusal> {
    let stored = found(&app, &who, &id).await?;
    let receipt = proofs::receipt(&**app.engine.store(), &stored, query.size).await?;
    Ok(plain(receipt.to_string()))
}

/// Whoever may see a run or a decision may have its receipt; everything else in the log is for auditors.
async fn found(app: &App, who: &Caller, id: &str) -> Result<StoredRecord, Refusal> {
    let store = app.engine.store();
    if let Ok(run) = id.parse::<RunId>() {
        app.engine.run(who, run).await?;
        let filter = RecordFilter { subject: Some(run.to_string()), ..RecordFilter::default() };
        let first = store.records(&filter, Page::of(1)).await?.into_iter().next();
        return first.ok_or_else(|| Refusal::missing("run", id));
    }
    if let Ok(decision) = id.parse::<DecisionId>() {
        super::decisions::permitted(app, who, decision).await?;
        return Ok(app.engine.decision(decision).await?.1);
    }
    app.permit(who, Action::AuditRead, ResourceKind::Audit, None).await?;
    let record: RecordId = id.parse().map_err(|_| Refusal::missing("record", id))?;
    store.record(&record.to_string()).await?.ok_or_else(|| Refusal::missing("record", id))
}

/// Get the proof that the log of `new` records begins with the log of `old` ones: hashes in base64, one a line.
#[utoipa::path(
    get,
    path = "/v1/audit/consistency",
    operation_id = "getConsistency",
    tag = "audit",
    params(ConsistencyQuery),
    responses((status = 200, description = "RFC 6962, section 2.1.2", body = String, content_type = "text/plain")),
)]
async fn consistency(
    State(app): State<Shared>,
    Who(who): Who,
    Strict(query): Strict<ConsistencyQuery>,
) -> Result<Response, Refusal> {
    if query.old > query.new {
        return Err(Refusal::Query("`old` is larger than `new`: the log never shrinks".to_owned()));
    }
    app.permit(&who, Action::AuditRead, ResourceKind::Audit, None).await?;
    let proof = proofs::consistency(&**app.engine.store(), query.old, query.new).await?;
    Ok(plain(proof.path().iter().map(|hash| format!("{hash}\n")).collect()))
}

async fn tile(
    State(app): State<Shared>,
    Who(who): Who,
    Path((level, index)): Path<(String, String)>,
    _: NoQuery,
) -> Result<Response, Refusal> {
    let missing = || Refusal::missing("tile", &format!("{level}/{index}"));
    let records = level == "entries";
    let tile = Tile::read(if records { "0" } else { &level }, &index).map_err(|_| missing())?;
    let store = &**app.engine.store();
    let content = if records {
        read(&app, &who, tile).await
    } else {
        app.permit(&who, Action::AuditRead, ResourceKind::Audit, None).await?;
        proofs::tile(store, tile).await
    };
    let content = content.map_err(|error| match error {
        EngineError::NotFound { .. } => missing(),
        other => other.into(),
    })?;
    let bytes = HeaderValue::from_static("application/octet-stream");
    // What stands at a path never changes. Records are for those who may read them, so no cache keeps them.
    let kept = if records { "no-store" } else { "private, max-age=31536000, immutable" };
    Ok(([(CONTENT_TYPE, bytes), (CACHE_CONTROL, HeaderValue::from_static(kept))], content).into_response())
}

/// The records below a tile. Whoever reads them is recorded, as for every record that is read.
async fn read(app: &App, who: &Caller, tile: Tile) -> Result<Vec<u8>, EngineError> {
    let (search, page) = proofs::below(tile);
    proofs::bundle(tile, &app.engine.read_log(who, &search, page).await?)
}

fn plain(text: String) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text).into_response()
}
