//! Documents: asked for, written, patched, taken away.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use concordat_engine::Caller;
use concordat_engine::opa::{Answered, Asking};
use concordat_policy::opa::{Change, Input, MOST_INPUT, Question, bindings};
use http::header::IF_NONE_MATCH;
use http::{StatusCode, Uri};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::{caller, flag, json, parameter, path, rendered};
use super::refused::No;
use super::service::provenance;
use crate::api::opa::{Answer, Failure};
use crate::app::{App, Shared};
use crate::refusal::Refusal;

/// The most bytes of data that are written at a time.
const MOST_WRITTEN: usize = 4 * 1024 * 1024;
/// The most bytes around an input.
const MOST_AROUND: usize = 1024;
/// Under which path documents stand.
const DATA: &str = "/v1/data";

/// Get a document, with the input in a parameter.
pub(super) async fn get(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let began = Instant::now();
    let input = parameter(&uri, "input").map(|text| Input::read(text.as_bytes())).transpose()?;
    let question = Question::Document(path(&uri, DATA)?);
    let answered = ask(&app, &who, &uri, question, input, began).await?;
    answer(&uri, answered, None)
}

/// Get a document, with the input in the body.
pub(super) async fn post(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let question = Question::Document(path(&uri, DATA)?);
    let body = json(request, MOST_INPUT + MOST_AROUND).await?;
    let began = Instant::now();
    let input = if body.is_empty() { None } else { bindings(&body)?.0 };
    let warning = input.is_none().then(|| Failure {
        code: "api_usage_warning".to_owned(),
        message: "'input' key missing from the request".to_owned(),
        errors: Vec::new(),
    });
    let answered = ask(&app, &who, &uri, question, input, began).await?;
    answer(&uri, answered, warning)
}

/// Get a document as it is; the body is the input.
pub(super) async fn unwrapped(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let parts = path(request.uri(), "/v0/data")?;
    whole_body(&app, request, parts).await
}

/// Ask for the default decision.
pub(super) async fn default(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    whole_body(&app, request, vec!["system".to_owned(), "main".to_owned()]).await
}

async fn whole_body(app: &App, request: Request, parts: Vec<String>) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let body = json(request, MOST_INPUT).await?;
    let began = Instant::now();
    let input = if body.is_empty() { None } else { Some(Input::read(&body)?) };
    let name = format!("data.{}", parts.join("."));
    let answered = ask(app, &who, &uri, Question::Document(parts), input, began).await?;
    match raw(answered.result)? {
        Some(result) => Ok(rendered(&uri, StatusCode::OK, &result)),
        None => Err(No::with(
            StatusCode::NOT_FOUND,
            "undefined_document",
            format!("document missing or undefined: {name}"),
        )),
    }
}

/// Asks; the time since `began` was spent on reading the input.
pub(super) async fn ask(
    app: &App,
    who: &Caller,
    uri: &Uri,
    question: Question,
    input: Option<Input>,
    began: Instant,
) -> Result<Answered, No> {
    let parsed_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or_default();
    let asking = Asking { question, input, strict: flag(uri, "strict-builtin-errors"), parsed_ns };
    Ok(app.engine.ask_opa(who, asking).await?)
}

/// The answer in OPA's form.
pub(super) fn answer(uri: &Uri, answered: Answered, warning: Option<Failure>) -> Result<Response, No> {
    let told = Answer {
        decision_id: answered.id.to_string(),
        provenance: flag(uri, "provenance").then(|| provenance(answered.revision)),
        result: raw(answered.result)?,
        metrics: (flag(uri, "metrics") || flag(uri, "instrument")).then_some(answered.metrics),
        warning,
    };
    Ok(rendered(uri, StatusCode::OK, &told))
}

/// JSON as it stands.
pub(super) fn raw(json: Option<Vec<u8>>) -> Result<Option<Box<RawValue>>, No> {
    let Some(json) = json else { return Ok(None) };
    let odd =
        |error: &dyn std::fmt::Display| No::from(Refusal::Internal(format!("an answer is no JSON: {error}")));
    let text = String::from_utf8(json).map_err(|error| odd(&error))?;
    RawValue::from_string(text).map(Some).map_err(|error| odd(&error))
}

/// Write a document, and the objects on the way to it.
pub(super) async fn put(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, parts) = (caller(&request)?, path(request.uri(), DATA)?);
    let only_new = request.headers().get(IF_NONE_MATCH).is_some_and(|tag| tag == "*");
    let body = json(request, MOST_WRITTEN).await?;
    let change = Change::put(parts.clone(), &body)?;
    let done = app.engine.change_opa(&who, change, only_new.then_some(parts)).await?;
    Ok(if done { StatusCode::NO_CONTENT } else { StatusCode::NOT_MODIFIED }.into_response())
}

/// Patch a document: all operations, or none.
pub(super) async fn patch(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, parts) = (caller(&request)?, path(request.uri(), DATA)?);
    let body = json(request, MOST_WRITTEN).await?;
    app.engine.change_opa(&who, Change::patch(&parts, &body)?, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Take a document away.
pub(super) async fn delete(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, parts) = (caller(&request)?, path(request.uri(), DATA)?);
    app.engine.change_opa(&who, Change::delete(parts), None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
