//! The agents' HTTP: the binding that Concordat calls, and the two doors for whoever runs the demonstration.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::agent::{Deed, SampleAgent};
use super::mood::Mood;
use super::request::Request;

/// The largest request that is read, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// Serves `agent` on `listener` until `shutdown` completes; calls that are stalled then are dropped.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    agent: SampleAgent,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (close, closing) = watch::channel(false);
    let router = Router::new()
        .route("/execute", post(execute))
        .route("/healthz", get(healthz))
        .route("/ledger", get(ledger))
        .route("/control", post(control))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Desk { agent, closing });
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            shutdown.await;
            close.send_replace(true);
        })
        .await
}

#[derive(Clone)]
struct Desk {
    agent: SampleAgent,
    closing: watch::Receiver<bool>,
}

async fn execute(State(mut desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    match desk.agent.perform(Request::read(&headers, &body)) {
        Deed::Reply(response) => Json(response).into_response(),
        Deed::Silence => {
            // Ends with the server, or when the caller hangs up and this future is dropped.
            let _ = desk.closing.wait_for(|closing| *closing).await;
            hang_up()
        }
        Deed::HangUp => hang_up(),
    }
}

async fn healthz(State(desk): State<Desk>) -> Response {
    Json(json!({"status": "ok", "agent": desk.agent.profile().name})).into_response()
}

async fn ledger(State(desk): State<Desk>, ConnectInfo(from): ConnectInfo<SocketAddr>) -> Response {
    if is_elsewhere(from) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(desk.agent.ledger()).into_response()
}

async fn control(
    State(desk): State<Desk>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mood: Json<Mood>,
) -> Response {
    if is_elsewhere(from) {
        return StatusCode::FORBIDDEN.into_response();
    }
    desk.agent.set_mood(mood.0);
    Json(mood.0).into_response()
}

fn is_elsewhere(from: SocketAddr) -> bool {
    !from.ip().to_canonical().is_loopback()
}

/// A response whose body breaks at once, so that the server drops the connection.
fn hang_up() -> Response {
    let broken = io::Error::other("the agent hangs up");
    Response::new(Body::from_stream(futures_util::stream::once(async { Err::<Bytes, _>(broken) })))
}
