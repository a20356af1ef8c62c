//! Reasons that people give: they become part of the log, so they are short and say something.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use concordat_engine::Caller;
use concordat_model::problem::Problem;

use crate::api::contracts::ReasonGiven;
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;

/// The longest reason, in characters.
const LONGEST: usize = 2000;

/// The reason, if it says something.
pub(crate) fn checked(reason: &str) -> Result<&str, Refusal> {
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > LONGEST {
        let message = format!("a reason has 1 to {LONGEST} characters, not {length}");
        return Err(Refusal::Document(Problem::new("reason-length", "/reason", message).into()));
    }
    Ok(reason)
}

/// An order about the thing that the path names, for which a reason is all there is to say.
pub(crate) struct Reasoned {
    pub(crate) app: Shared,
    pub(crate) who: Caller,
    pub(crate) about: Named,
    pub(crate) reason: String,
}

impl FromRequest<Shared> for Reasoned {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Reasoned, Refusal> {
        let (mut parts, body) = request.into_parts();
        let Who(who) = Who::from_request_parts(&mut parts, app).await?;
        let about = Named::from_request_parts(&mut parts, app).await?;
        NoQuery::from_request_parts(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let Typed(ReasonGiven { reason }) = Typed::from_request(request, app).await?;
        checked(&reason)?;
        Ok(Reasoned { app: app.clone(), who, about, reason })
    }
}
