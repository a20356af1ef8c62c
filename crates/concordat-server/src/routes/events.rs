//! The records of one run: page by page, or as a stream.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::ports::{RecordFilter, StoredRecord};
use concordat_model::id::RunId;
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contracts::limited;
use crate::api::contracts::{Event, EventList, EventsQuery};
use crate::app::Shared;
use crate::extract::{Named, Streamed, Strict, Who};
use crate::refusal::Refusal;
use crate::stream;

/// The records of a page when nobody says how many.
const PAGE: u32 = 200;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Follow a contract: its records in the order of the log.
///
/// With `Accept: text/event-stream` the answer is a stream of server-sent events: the id is the record's index,
/// the event its type, and the data its canonical JSON. It goes on after the index in `Last-Event-ID` or `after`,
/// and closes after `contract.ended`.
#[utoipa::path(
    get,
    path = "/v1/contracts/{run}/events",
    operation_id = "listContractEvents",
    tag = "contracts",
    params(("run" = String, Path, description = "the run, `run_…`"), EventsQuery),
    responses((status = 200, description = "A page of records", body = EventList)),
)]
async fn events(
    State(app): State<Shared>,
    Who(who): Who,
    run: Named,
    Strict(query): Strict<EventsQuery>,
    streamed: Streamed,
) -> Result<Response, Refusal> {
    let run: RunId = run.id("contract")?;
    let page = limited(query.limit, PAGE)?;
    app.engine.run(&who, run).await?;
    if streamed.wanted {
        let from = streamed.last.or(query.after).map_or(0, |after| after.saturating_add(1));
        return Ok(stream::of_run(&app, who.key, run, from)?.into_response());
    }
    let filter = RecordFilter {
        from: query.after.map_or(0, |after| after.saturating_add(1)),
        subject: Some(run.to_string()),
        types: Vec::new(),
    };
    let records = app.engine.store().records(&filter, page).await?;
    let next_after = records.last().filter(|_| records.len() == page.rows() as usize).map(|last| last.index);
    let items = records.iter().map(event).collect::<Result<_, _>>()?;
    Ok(Json(EventList { items, next_after }).into_response())
}

fn event(stored: &StoredRecord) -> Result<Event, Refusal> {
    let record = &stored.record;
    let data = RawValue::from_string(record.data_text().to_owned());
    Ok(Event {
        index: stored.index,
        id: record.id().to_owned(),
        kind: record.kind().to_owned(),
        time: record.time().to_owned(),
        subject_seq: record.subject_seq().get(),
        data: data.map_err(|error| Refusal::Internal(format!("record {}: {error}", stored.index)))?,
    })
}
