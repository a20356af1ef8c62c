//! Queries: every way in which they hold.

use axum::extract::{Request, State};
use axum::response::Response;
use concordat_policy::opa::{MOST_INPUT, Question, bindings};
use tokio::time::Instant;

use super::asked::{caller, json, parameter};
use super::data::{answer, ask};
use super::refused::No;
use crate::app::Shared;

/// The most bytes around an input: the query among them.
const MOST_AROUND: usize = 32 * 1024;

/// Ask a query without an input.
pub(super) async fn get(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri());
    let query = parameter(uri, "q").ok_or_else(|| No::parameter("missing parameter 'q'"))?;
    let answered = ask(&app, &who, uri, Question::Query(query), None, Instant::now()).await?;
    answer(uri, answered, None)
}

/// Ask a query.
pub(super) async fn post(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let body = json(request, MOST_INPUT + MOST_AROUND).await?;
    let began = Instant::now();
    let (input, query) = bindings(&body)?;
    let query = query.ok_or_else(|| No::parameter("the body must have a `query`"))?;
    let answered = ask(&app, &who, &uri, Question::Query(query), input, began).await?;
    answer(&uri, answered, None)
}
