//! The HTTP+JSON binding: a path for each call.

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use concordat_model::document::{self as documents, Notation};
use futures_util::StreamExt as _;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::calls::Asker;
use super::live::Live;
use super::message::{self, Named};
use super::push::{Config, OneOf};
use super::wrong::Wrong;
use super::{MEDIA_TYPE, card};
use crate::app::Shared;
use crate::body;
use crate::extract::Who;
use crate::stream;

/// The header that says which version a client speaks, and the query parameter that may stand for it.
const VERSION: &str = "a2a-version";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/message:send", post(send))
        .route("/message:stream", post(send_streaming))
        .route("/tasks", get(list))
        .route("/tasks/{task}", get(task))
        .route("/tasks/{task}/@cancel", post(cancel))
        .route("/tasks/{task}/@subscribe", post(subscribe))
        .route("/tasks/{task}/pushNotificationConfigs", get(pushes).post(set_push))
        .route("/tasks/{task}/pushNotificationConfigs/{config}", get(push).delete(remove_push))
        .route("/extendedAgentCard", get(extended_card))
}

async fn send(State(app): State<Shared>, Who(who): Who, request: Request) -> Result<Response, Wrong> {
    version(&request)?;
    let send = message::read(document(request, &[MEDIA_TYPE, "application/json"]).await?)?;
    Ok(whole(&Asker { app, who }.send(send).await?))
}

async fn send_streaming(
    State(app): State<Shared>,
    Who(who): Who,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    let send = message::read(document(request, &[MEDIA_TYPE, "application/json"]).await?)?;
    Ok(live(Asker { app, who }.send_streaming(send).await?))
}

async fn list(State(app): State<Shared>, Who(who): Who, request: Request) -> Result<Response, Wrong> {
    version(&request)?;
    Ok(whole(&Asker { app, who }.list(message::read(Value::Object(query(&request)))?).await?))
}

/// One task; or, by its verb, the task as it goes on, for which clients use this method as well.
async fn task(
    State(app): State<Shared>,
    Who(who): Who,
    Path(task): Path<String>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    let asker = Asker { app, who };
    match task.strip_suffix(":subscribe") {
        Some(task) => Ok(live(asker.subscribe(named(task)).await?)),
        None => Ok(whole(&asker.get(named(&task)).await?)),
    }
}

async fn subscribe(
    State(app): State<Shared>,
    Who(who): Who,
    Path(task): Path<String>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    Ok(live(Asker { app, who }.subscribe(named(&task)).await?))
}

async fn cancel(
    State(app): State<Shared>,
    Who(who): Who,
    Path(task): Path<String>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    let mut wanted = match request.headers().contains_key(CONTENT_TYPE) {
        true => message::read(document(request, &[MEDIA_TYPE, "application/json"]).await?)?,
        false => Named::default(),
    };
    wanted.id = task;
    Ok(whole(&Asker { app, who }.cancel(wanted).await?))
}

async fn extended_card(
    State(app): State<Shared>,
    Who(who): Who,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    let url = card::url(&app, request.headers());
    Ok(whole(&Asker { app, who }.extended_card(&url).await?))
}

async fn set_push(
    State(app): State<Shared>,
    Who(who): Who,
    Path(task): Path<String>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    let mut config: Config = message::read(document(request, &[MEDIA_TYPE, "application/json"]).await?)?;
    config.task_id = task;
    Ok(whole(&Asker { app, who }.set_push(config).await?))
}

async fn pushes(
    State(app): State<Shared>,
    Who(who): Who,
    Path(task_id): Path<String>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    Ok(whole(&Asker { app, who }.pushes(OneOf { task_id, ..OneOf::default() }).await?))
}

async fn push(
    State(app): State<Shared>,
    Who(who): Who,
    Path((task_id, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    Ok(whole(&Asker { app, who }.push(OneOf { task_id, id, ..OneOf::default() }).await?))
}

async fn remove_push(
    State(app): State<Shared>,
    Who(who): Who,
    Path((task_id, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Wrong> {
    version(&request)?;
    Ok(whole(&Asker { app, who }.remove_push(OneOf { task_id, id, ..OneOf::default() }).await?))
}

fn named(task: &str) -> Named {
    Named { id: task.to_owned(), ..Named::default() }
}

fn whole(value: &Value) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], value.to_string()).into_response()
}

fn live(live: Live) -> Response {
    stream::told(live.events().map(|told| Ok(Event::default().data(told.to_string())))).into_response()
}

/// Whether the client speaks our version. Who says nothing means 0.3.
pub(super) fn version(request: &Request) -> Result<(), Wrong> {
    let header = request.headers().get(VERSION).and_then(|version| version.to_str().ok());
    let asked = query(request);
    let parameter = asked.iter().find(|(name, _)| name.eq_ignore_ascii_case(VERSION));
    let said = header.or(parameter.and_then(|(_, version)| version.as_str())).unwrap_or_default().trim();
    let ours = said == "1.0" || said.starts_with("1.0.");
    let named = if said.is_empty() { "0.3" } else { said };
    if ours { Ok(()) } else { Err(Wrong::Version(named.chars().take(20).collect())) }
}

/// The JSON of a body of one of these media types.
pub(super) async fn document(request: Request, media: &[&str]) -> Result<Value, Wrong> {
    if !body::media(request.headers()).is_some_and(|sent| media.contains(&sent.as_str())) {
        return Err(Wrong::Content(format!("the body must be `{}`", media.join("` or `"))));
    }
    let bytes = body::bounded(request, body::MAX_BYTES).await?;
    documents::read_value(&bytes, Notation::Json).map_err(|problems| Wrong::Parse(problems.to_string()))
}

/// The parameters of the query, as texts.
fn query(request: &Request) -> Map<String, Value> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    pairs
        .map(|Query(pairs)| pairs.into_iter().map(|(name, text)| (name, json!(text))).collect())
        .unwrap_or_default()
}
