//! Reviews: what waits for people, and their answers.

use axum::Json;
use axum::extract::State;
use concordat_engine::OpenReview;
use concordat_model::digest::Digest;
use concordat_model::id::ReviewId;
use concordat_model::payload;
use concordat_model::problem::Problem;
use concordat_model::run::event::About as ModelAbout;
use concordat_policy::input::{Action, ResourceKind};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::contracts::ContractDetail;
use crate::api::decisions::Reason;
use crate::api::reviews::{Review, ReviewAnswer, ReviewList, Verdict};
use crate::app::{App, Shared};
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;
use crate::{detail, reason};

/// The most reviews that are listed: the oldest ones, which people should answer first.
const MOST: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decide))
}

/// List what waits for people, oldest first, at most 200.
#[utoipa::path(
    get,
    path = "/v1/reviews",
    operation_id = "listReviews",
    tag = "reviews",
    responses((status = 200, description = "The open reviews", body = ReviewList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<ReviewList>, Refusal> {
    app.permit_own(&who, Action::ReviewsRead, ResourceKind::Review).await?;
    let open = app.engine.reviews(&who);
    let mut items = Vec::with_capacity(open.len().min(MOST));
    for review in open.iter().take(MOST) {
        items.push(render(&app, review).await?);
    }
    Ok(Json(ReviewList { items }))
}

/// Answer a review.
///
/// Approval is evidence: policy is asked again, and only policy says yes. Who sent the contract cannot answer. Where
/// an agent asks something, whoever approves says in `answer` what it is to be told.
#[utoipa::path(
    post,
    path = "/v1/reviews/{review}/@decide",
    operation_id = "decideReview",
    tag = "reviews",
    params(("review" = String, Path, description = "the review, `rev_…`")),
    request_body = ReviewAnswer,
    responses((status = 200, description = "The contract as it stands", body = ContractDetail)),
)]
async fn decide(
    State(app): State<Shared>,
    Who(who): Who,
    review: Named,
    _: NoQuery,
    Typed(answer): Typed<ReviewAnswer>,
) -> Result<Json<ContractDetail>, Refusal> {
    let review: ReviewId = review.id("open review")?;
    let payload: Digest = answer.payload.parse().map_err(|error: concordat_model::digest::BadDigest| {
        Refusal::Document(Problem::new("payload-form", "/payload", error.to_string()).into())
    })?;
    let said = reason::checked(&answer.reason)?;
    let view = match (answer.verdict, answer.answer) {
        (Verdict::Approve, Some(told)) => app.engine.answer_agent(&who, review, told, said, payload).await?,
        (Verdict::Reject, Some(_)) => {
            let why = "whoever says no tells nobody anything: leave the answer out";
            return Err(Refusal::Document(Problem::new("answer-unasked", "/answer", why).into()));
        }
        (verdict, None) => app.engine.answer_review(&who, review, verdict.into(), said, payload).await?,
    };
    Ok(Json(detail::detail(&view, &app.names())?))
}

async fn render(app: &App, open: &OpenReview) -> Result<Review, Refusal> {
    let reasons = match open.decision {
        Some(decision) => {
            let (decision, _) = app.engine.decision(decision).await?;
            decision.answer.reasons().iter().map(Reason::from).collect()
        }
        None => Vec::new(),
    };
    Ok(Review {
        id: open.id.to_string(),
        run: open.run.to_string(),
        contract: open.contract.to_string(),
        submitter: open.submitter.to_string(),
        about: (&open.about).into(),
        decision: open.decision.map(|decision| decision.to_string()),
        payload: open.payload.to_string(),
        opened: open.opened,
        expires: open.expires,
        reasons,
        shown: shown(app, open).await?,
    })
}

/// What people are asked to approve: exactly what the digest covers.
async fn shown(app: &App, open: &OpenReview) -> Result<Value, Refusal> {
    let odd = |error: serde_json::Error| {
        Refusal::Internal(format!("what {} shows cannot be read: {error}", open.id))
    };
    match &open.about {
        ModelAbout::Reconciliation { attempt } => serde_json::to_value(attempt).map_err(odd),
        ModelAbout::Admission
        | ModelAbout::Step { .. }
        | ModelAbout::Question { .. }
        | ModelAbout::Asked { .. } => {
            let bytes = app.engine.store().payload(&open.payload).await?;
            let bytes = bytes.ok_or(concordat_engine::EngineError::PayloadMissing(open.payload))?;
            serde_json::from_slice(payload::document(&bytes)).map_err(odd)
        }
    }
}
