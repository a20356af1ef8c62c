//! Agents call here when something has happened at them.
//!
//! What they say is not read: it could be anybody's word. The token says which attempt is meant, and the agent is asked
//! about it as it would be a little later. Unknown tokens are the same as no such place.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::app::Shared;
use crate::refusal::Refusal;

/// What A2A calls the header of the token.
const TOKEN: &str = "x-a2a-notification-token";
/// The longest token that is looked up, in bytes. Ours are shorter.
const LONGEST: usize = 64;

/// A call. Its body stays where it is.
pub(super) async fn take(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
    match token.filter(|token| token.len() <= LONGEST && app.engine.hinted(token)) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => super::refused(Refusal::RouteUnknown),
    }
}
