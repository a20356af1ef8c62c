//! Decisions in the form of OPA's decision log, one JSON document a line, for whoever collects them.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use concordat_engine::opa::Logged;
use concordat_engine::ports::Page;
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderValue, Uri};

use super::asked::{caller, parameter};
use super::data::raw;
use super::refused::No;
use super::service::{bundles, labels};
use crate::api::opa::{Failure, LogEvent};
use crate::app::{App, Shared};
use crate::refusal::Refusal;

/// The decisions of a page when nobody says how many.
const PAGE: u32 = 100;

/// Read decisions from an index of the log on; the header `Link` says where to read on.
pub(super) async fn logs(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let who = caller(&request)?;
    let from = number(request.uri(), "from")?.unwrap_or(0);
    let limit =
        number(request.uri(), "limit")?.map_or(PAGE, |limit| u32::try_from(limit).unwrap_or(u32::MAX));
    let page = app.engine.opa_log(&who, from, Page::of(limit)).await?;
    let mut text = String::new();
    for logged in page.decisions {
        let event = event(&app, logged)?;
        let line = serde_json::to_string(&event).map_err(|error| Refusal::Internal(error.to_string()))?;
        text.push_str(&line);
        text.push('\n');
    }
    let next = format!("</opa/v1/logs?from={}>; rel=\"next\"", page.next);
    let next = HeaderValue::from_str(&next).map_err(|error| Refusal::Internal(error.to_string()))?;
    let lines = HeaderValue::from_static("application/x-ndjson");
    Ok(([(CONTENT_TYPE, lines), (LINK, next)], text).into_response())
}

fn number(uri: &Uri, name: &str) -> Result<Option<u64>, No> {
    let Some(text) = parameter(uri, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| No::parameter(format!("`{name}` must be a whole number")))
}

fn event(app: &App, logged: Logged) -> Result<LogEvent, No> {
    Ok(LogEvent {
        labels: labels(&app.engine),
        decision_id: logged.id.to_string(),
        bundles: bundles(logged.revision),
        path: logged.path,
        query: logged.query,
        input: raw(logged.input)?,
        result: raw(logged.result)?,
        erased: logged.erased,
        masked: logged.masked,
        error: logged.error.map(|error| Failure {
            code: error.code,
            message: error.message,
            errors: Vec::new(),
        }),
        requested_by: logged.requested_by,
        timestamp: logged.at,
        metrics: logged.metrics,
        index: logged.index,
    })
}
