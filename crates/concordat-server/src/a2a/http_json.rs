//! The HTTP+JSON binding: a path for each call.

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use concordat_model::document::{self as documents, Notation};
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::calls::Asker;
use super::live::Live;
use super::message::{self, Named, Send};
use super::push::{Config, OneOf};
use super::wrong::Wrong;
use super::{MEDIA_TYPE, card};
use crate::app::Shared;
use crate::body;
use crate::extract::Who;
use crate::stream;

/// The header that says which version a client speaks, and the query parameter that may stand for it.
const VERSION: &str = "a2a-version";
/// What bodies come as.
const MEDIA: [&str; 2] = [MEDIA_TYPE, "application/json"];

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

async fn send(asker: Asker, Sent(send): Sent<Send>) -> Result<Response, Wrong> {
    Ok(whole(&asker.send(send).await?))
}

async fn send_streaming(asker: Asker, Sent(send): Sent<Send>) -> Result<Response, Wrong> {
    Ok(live(asker.send_streaming(send).await?))
}

async fn list(asker: Asker, uri: Uri) -> Result<Response, Wrong> {
    Ok(whole(&asker.list(message::read(Value::Object(query(&uri)))?).await?))
}

/// One task; or, by its verb, the task as it goes on, for which clients use this method as well.
async fn task(asker: Asker, Path(task): Path<String>) -> Result<Response, Wrong> {
    match task.strip_suffix(":subscribe") {
        Some(task) => Ok(live(asker.subscribe(named(task)).await?)),
        None => Ok(whole(&asker.get(named(&task)).await?)),
    }
}

async fn subscribe(asker: Asker, Path(task): Path<String>) -> Result<Response, Wrong> {
    Ok(live(asker.subscribe(named(&task)).await?))
}

async fn cancel(asker: Asker, Path(task): Path<String>, request: Request) -> Result<Response, Wrong> {
    let mut wanted = match request.headers().contains_key(CONTENT_TYPE) {
        true => message::read(document(request, &MEDIA).await?)?,
        false => Named::default(),
    };
    wanted.id = task;
    Ok(whole(&asker.cancel(wanted).await?))
}

async fn extended_card(asker: Asker, headers: HeaderMap) -> Result<Response, Wrong> {
    let url = card::url(&asker.app, &headers);
    Ok(whole(&asker.extended_card(&url).await?))
}

async fn set_push(
    asker: Asker,
    Path(task): Path<String>,
    Sent(mut config): Sent<Config>,
) -> Result<Response, Wrong> {
    config.task_id = task;
    Ok(whole(&asker.set_push(config).await?))
}

async fn pushes(asker: Asker, Path(task_id): Path<String>) -> Result<Response, Wrong> {
    Ok(whole(&asker.pushes(OneOf { task_id, ..OneOf::default() }).await?))
}

async fn push(asker: Asker, Path((task_id, id)): Path<(String, String)>) -> Result<Response, Wrong> {
    Ok(whole(&asker.push(OneOf { task_id, id, ..OneOf::default() }).await?))
}

async fn remove_push(asker: Asker, Path((task_id, id)): Path<(String, String)>) -> Result<Response, Wrong> {
    Ok(whole(&asker.remove_push(OneOf { task_id, id, ..OneOf::default() }).await?))
}

/// Whoever asks by this binding, in our version of the protocol.
impl FromRequestParts<Shared> for Asker {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Asker, Wrong> {
        let Who(who) = Who::from_request_parts(parts, app).await?;
        version(&parts.headers, &parts.uri)?;
        Ok(Asker { app: app.clone(), who })
    }
}

/// What a body holds.
struct Sent<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = Wrong;

    async fn from_request(request: Request, _: &S) -> Result<Sent<T>, Wrong> {
        message::read(document(request, &MEDIA).await?).map(Sent)
    }
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
pub(super) fn version(headers: &HeaderMap, uri: &Uri) -> Result<(), Wrong> {
    let header = headers.get(VERSION).and_then(|version| version.to_str().ok());
    let asked = query(uri);
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
fn query(uri: &Uri) -> Map<String, Value> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs
        .map(|Query(pairs)| pairs.into_iter().map(|(name, text)| (name, json!(text))).collect())
        .unwrap_or_default()
}
