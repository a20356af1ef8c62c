//! Concordat as an agent of the A2A protocol 1.0, so that others' agents and tools can hand it contracts.
//!
//! A second door to the same house: a message is a submission, a task is a run, and every call goes through the same
//! engine calls, the same access gate and the same records as over `/v1`. Nothing is decided or kept here.
//!
//! ```text
//!  POST /a2a           ─► rpc ───────┐
//!                                    ├─► calls ─► engine ─► task (a run in A2A's words)
//!  …    /a2a/tasks/…   ─► http_json ─┘     └────► live (a run as it goes on)
//! ```
//!
//! Clients that want to be told set webhooks (`push`), which are told as tasks change (`courier`).
//!
//! What is deliberately absent: version 0.3 (its clients are told so), and answers to reviews (whoever sends a contract cannot approve it). Read
//! `message` (what callers say), `task` (what they hear) and `calls` first; `wrong` holds every way to say no.

mod calls;
mod card;
mod context;
mod courier;
mod hint;
mod http_json;
mod list;
mod live;
mod message;
mod push;
mod rpc;
mod task;
mod wrong;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use wrong::Wrong;

use crate::app::Shared;
use crate::refusal::Refusal;

pub(crate) use courier::keep_telling;

/// Where the public card lies: known to all who look for an agent, and open.
pub(crate) const CARD: &str = "/.well-known/agent-card.json";
/// Where both bindings begin.
const PLACE: &str = "/a2a";
/// Where agents call us when something has happened: open, as nothing is told there and nothing believed.
pub(crate) const PUSHES: &str = "/a2a/pushes";
/// The media type of A2A's JSON.
const MEDIA_TYPE: &str = "application/a2a+json";

/// What is no call of the protocol, as clients of the HTTP+JSON binding read it.
pub(crate) fn refused(refusal: Refusal) -> Response {
    Wrong::NoCall(refusal).into_response()
}

/// The routes of the protocol. Its specification describes them.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route(CARD, get(card::public))
        .route(PLACE, post(rpc::call))
        .route("/a2a/", post(rpc::call))
        .route(PUSHES, post(hint::take))
        .nest(PLACE, http_json::routes())
}
