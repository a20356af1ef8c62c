//! The JSON-RPC binding: one path, the method in the body.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use super::calls::Asker;
use super::live::Live;
use super::message::read;
use super::wrong::Wrong;
use super::{card, http_json};
use crate::app::Shared;
use crate::extract::Who;
use crate::stream;

/// What a method comes to.
enum Said {
    Whole(Value),
    Live(Box<Live>),
}

/// Any call.
pub(super) async fn call(State(app): State<Shared>, Who(who): Who, request: Request) -> Response {
    let url = card::url(&app, request.headers());
    let version = http_json::version(request.headers(), request.uri());
    let envelope = match http_json::document(request, &["application/json"]).await {
        Ok(value) => Envelope::read(value),
        Err(wrong) => Err((Value::Null, wrong)),
    };
    let Envelope { id, method, params } = match envelope {
        Ok(envelope) => envelope,
        Err((id, wrong)) => return wrong.over_rpc(&id),
    };
    let said = match version {
        Ok(()) => said(&Asker { app, who }, &method, params, &url).await,
        Err(wrong) => Err(wrong),
    };
    match said {
        Err(wrong) => wrong.over_rpc(&id),
        Ok(Said::Whole(result)) => Json(answer(&id, &result)).into_response(),
        Ok(Said::Live(live)) => {
            let events =
                live.events().map(move |told| Ok(Event::default().data(answer(&id, &told).to_string())));
            stream::told(events).into_response()
        }
    }
}

async fn said(asker: &Asker, method: &str, params: Value, url: &str) -> Result<Said, Wrong> {
    Ok(match method {
        "SendMessage" => Said::Whole(asker.send(read(params)?).await?),
        "SendStreamingMessage" => Said::Live(asker.send_streaming(read(params)?).await?.into()),
        "GetTask" => Said::Whole(asker.get(read(params)?).await?),
        "ListTasks" => Said::Whole(asker.list(read(params)?).await?),
        "CancelTask" => Said::Whole(asker.cancel(read(params)?).await?),
        "SubscribeToTask" => Said::Live(asker.subscribe(read(params)?).await?.into()),
        "GetExtendedAgentCard" => Said::Whole(asker.extended_card(url).await?),
        "CreateTaskPushNotificationConfig" => Said::Whole(asker.set_push(read(params)?).await?),
        "GetTaskPushNotificationConfig" => Said::Whole(asker.push(read(params)?).await?),
        "ListTaskPushNotificationConfigs" => Said::Whole(asker.pushes(read(params)?).await?),
        "DeleteTaskPushNotificationConfig" => Said::Whole(asker.remove_push(read(params)?).await?),
        other => return Err(Wrong::Method(other.chars().take(80).collect())),
    })
}

fn answer(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// A request of JSON-RPC.
struct Envelope {
    id: Value,
    method: String,
    params: Value,
}

impl Envelope {
    /// Reads it, or says what is wrong with it, under its id where it has one.
    fn read(value: Value) -> Result<Envelope, (Value, Wrong)> {
        let wrong = |id: Value, what: &str| Err((id, Wrong::Request(what.to_owned())));
        let Value::Object(mut members) = value else {
            return wrong(Value::Null, "a request of JSON-RPC is one object, not several");
        };
        let Some(id @ (Value::String(_) | Value::Number(_))) = members.remove("id") else {
            return wrong(Value::Null, "a request has an `id`, which is a text or a number");
        };
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return wrong(id, "the member `jsonrpc` is `2.0`");
        }
        let Some(Value::String(method)) = members.remove("method") else {
            return wrong(id, "a request has a `method`");
        };
        match members.remove("params") {
            None | Some(Value::Null) => Ok(Envelope { id, method, params: Value::Object(Map::new()) }),
            Some(params @ Value::Object(_)) => Ok(Envelope { id, method, params }),
            Some(_) => Err((id, Wrong::Params("`params` is an object".to_owned()))),
        }
    }
}
