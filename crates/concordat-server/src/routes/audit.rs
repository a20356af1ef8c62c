//! The log: its records and its newest checkpoint. Auditors see the whole log of their installation.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::Caller;
use concordat_engine::ports::{Mention, Mentioned, RecordFilter, Search, StoredRecord};
use concordat_policy::input::{Action, ResourceKind};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contracts::limited;
use crate::api::audit::{LogEntry, RecordList, RecordsQuery};
use crate::app::Shared;
use crate::extract::{NoQuery, Streamed, Strict, Who};
use crate::refusal::Refusal;
use crate::stream;

/// The records of a page when nobody says how many.
const PAGE: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(records)).routes(routes!(checkpoint))
}

/// Read the log. That you did is recorded before you are answered.
///
/// With `Accept: text/event-stream` the answer is a stream of server-sent events that has no end: the id is the
/// record's index, the event its type, and the data its canonical JSON. It goes on after the index in
/// `Last-Event-ID`, or begins at `from`; besides that it takes `type` and `subject` only.
#[utoipa::path(
    get,
    path = "/v1/audit/records",
    operation_id = "listRecords",
    tag = "audit",
    params(RecordsQuery),
    responses((status = 200, description = "Records in the order of the log", body = RecordList)),
)]
async fn records(
    State(app): State<Shared>,
    Who(who): Who,
    Strict(query): Strict<RecordsQuery>,
    streamed: Streamed,
) -> Result<Response, Refusal> {
    let page = limited(query.limit, PAGE)?;
    let search = search(query);
    if streamed.wanted {
        return follow(&app, &who, search, &streamed).await;
    }
    let records = app.engine.read_log(&who, &search, page).await?;
    let next_from = records
        .last()
        .filter(|_| records.len() == page.rows() as usize)
        .map(|last| last.index.saturating_add(1));
    let items = records.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Json(RecordList { items, next_from }).into_response())
}

async fn follow(
    app: &Shared,
    who: &Caller,
    search: Search,
    streamed: &Streamed,
) -> Result<Response, Refusal> {
    let Search { mut filter, since: None, until: None, mentions } = search else { return Err(narrow()) };
    if !mentions.is_empty() {
        return Err(narrow());
    }
    if let Some(last) = streamed.last {
        filter.from = last.saturating_add(1);
    }
    app.engine.follow_log(who, &filter).await?;
    Ok(stream::of_log(app, who.key, filter)?.into_response())
}

fn narrow() -> Refusal {
    Refusal::Query(
        "a stream of the log takes `from`, `type` and `subject` only: search page by page".to_owned(),
    )
}

fn search(query: RecordsQuery) -> Search {
    let RecordsQuery {
        from,
        limit: _,
        kind,
        subject,
        since,
        until,
        q,
        id,
        actor,
        agent,
        contract,
        reason,
        rule,
        answer,
    } = query;
    let named = [
        (None, q),
        (Some(Mentioned::Id), id),
        (Some(Mentioned::Actor), actor),
        (Some(Mentioned::Agent), agent),
        (Some(Mentioned::Contract), contract),
        (Some(Mentioned::Reason), reason),
        (Some(Mentioned::Rule), rule),
        (Some(Mentioned::Answer), answer),
    ];
    Search {
        filter: RecordFilter { from: from.unwrap_or(0), subject, types: kind.into_iter().collect() },
        since,
        until,
        mentions: named
            .into_iter()
            .filter_map(|(what, value)| Some(Mention { what, value: value? }))
            .collect(),
    }
}

fn entry(stored: &StoredRecord) -> Result<LogEntry, Refusal> {
    let odd = |error: String| Refusal::Internal(format!("record {}: {error}", stored.index));
    let text = std::str::from_utf8(stored.record.bytes()).map_err(|error| odd(error.to_string()))?;
    Ok(LogEntry {
        index: stored.index,
        leaf: stored.record.leaf().to_string(),
        receipt: format!("/v1/audit/receipts/{}", stored.record.id()),
        record: RawValue::from_string(text.to_owned()).map_err(|error| odd(error.to_string()))?,
    })
}

/// Get the newest checkpoint: a signed note over the size and the root of the log.
#[utoipa::path(
    get,
    path = "/v1/audit/checkpoint",
    operation_id = "getCheckpoint",
    tag = "audit",
    responses((status = 200, description = "The signed note", body = String, content_type = "text/plain")),
)]
pub(super) async fn checkpoint(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
) -> Result<Response, Refusal> {
    app.permit(&who, Action::AuditRead, ResourceKind::Audit, None).await?;
    let stored = app.engine.store().checkpoint().await?;
    let stored = stored.ok_or_else(|| Refusal::missing("checkpoint", "newest"))?;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(CONTENT_TYPE, plain)], stored.note).into_response())
}
