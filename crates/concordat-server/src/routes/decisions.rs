//! Decisions: what policy was told, and what it answered.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use concordat_engine::ports::StoredRecord;
use concordat_engine::{Caller, proofs};
use concordat_model::decision::Decision;
use concordat_model::id::{DecisionId, RunId};
use concordat_model::name::TenantName;
use concordat_model::payload;
use concordat_model::run::event::Event;
use concordat_policy::input::{Action, Resource, ResourceKind};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::decisions::{DecisionDetail, DecisionQuery};
use crate::api::why::{DecisionReplay, DecisionWhy};
use crate::app::{App, Shared};
use crate::extract::{Named, NoQuery, Strict, Who};
use crate::refusal::Refusal;
use crate::{decided, detail};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(why)).routes(routes!(replay))
}

/// See a decision with everything that explains it.
#[utoipa::path(
    get,
    path = "/v1/decisions/{decision}",
    operation_id = "getDecision",
    tag = "decisions",
    params(("decision" = String, Path, description = "the decision, `dec_…`"), DecisionQuery),
    responses((status = 200, description = "The decision", body = DecisionDetail)),
)]
async fn get(
    State(app): State<Shared>,
    Who(who): Who,
    id: Named,
    Strict(query): Strict<DecisionQuery>,
) -> Result<Json<DecisionDetail>, Refusal> {
    let wanted: DecisionId = id.id("decision")?;
    let (decision, stored, input) = found(&app, &who, wanted).await?;
    let mut detail = render(&app, &decision, &stored, input)?;
    if query.receipt {
        let receipt = proofs::receipt(&**app.engine.store(), &stored, None).await?;
        detail.receipt = Some(receipt.to_string());
        detail.record = Some(String::from_utf8_lossy(stored.record.bytes()).into_owned());
    }
    Ok(Json(detail))
}

/// Say in words why a gate answered as it did.
#[utoipa::path(
    get,
    path = "/v1/decisions/{decision}/why",
    operation_id = "explainDecision",
    tag = "decisions",
    params(("decision" = String, Path, description = "the decision, `dec_…`")),
    responses((status = 200, description = "Why", body = DecisionWhy)),
)]
async fn why(
    State(app): State<Shared>,
    Who(who): Who,
    id: Named,
    _: NoQuery,
) -> Result<Json<DecisionWhy>, Refusal> {
    let wanted: DecisionId = id.id("decision")?;
    let (decision, stored, input) = found(&app, &who, wanted).await?;
    let explanation = app.engine.explanation(&decision).await?;
    let ids = decision.permitted.iter().chain(decision.excluded.keys()).copied();
    let names = detail::names(ids, app.names());
    Ok(Json(decided::tell(&decision, &stored, &input, explanation, &names)))
}

/// Make a decision again from what is stored, and tell whether every byte is the same.
#[utoipa::path(
    get,
    path = "/v1/decisions/{decision}/replay",
    operation_id = "replayDecision",
    tag = "decisions",
    params(("decision" = String, Path, description = "the decision, `dec_…`")),
    responses((status = 200, description = "Both decisions", body = DecisionReplay)),
)]
async fn replay(
    State(app): State<Shared>,
    Who(who): Who,
    id: Named,
    _: NoQuery,
) -> Result<Json<DecisionReplay>, Refusal> {
    let wanted: DecisionId = id.id("decision")?;
    found(&app, &who, wanted).await?;
    let (was, again) = app.engine.replay_decision(wanted).await?;
    Ok(Json(DecisionReplay { same: was == again, was: (&was).into(), again: (&again).into() }))
}

/// Whether somebody may see a decision.
pub(super) async fn permitted(app: &App, who: &Caller, wanted: DecisionId) -> Result<(), Refusal> {
    found(app, who, wanted).await.map(drop)
}

/// A decision with its record and its input, for whoever may see it.
async fn found(
    app: &App,
    who: &Caller,
    wanted: DecisionId,
) -> Result<(Decision, StoredRecord, Value), Refusal> {
    let (decision, stored) = app.engine.decision(wanted).await?;
    let digest = decision.provenance.input;
    let told = app.engine.store().payload(&digest).await?;
    let Some(told) = told else {
        return Err(app.engine.absent(stored.record.subject(), digest).await.into());
    };
    let input: Value = serde_json::from_slice(payload::document(&told))
        .map_err(|error| Refusal::Internal(format!("the input of {wanted} cannot be read: {error}")))?;
    permit(app, who, &decision, &input).await.map_err(|refusal| hidden(refusal, who, &input, wanted))?;
    Ok((decision, stored, input))
}

async fn permit(app: &App, who: &Caller, decision: &Decision, input: &Value) -> Result<(), Refusal> {
    let resource = Resource {
        kind: ResourceKind::Decision,
        id: Some(decision.id.to_string()),
        tenant: tenant(input),
        submitter: None,
        gate: Some(decision.gate),
    };
    app.engine.permit(who, Action::DecisionsRead, resource).await?;
    Ok(())
}

/// Whose decision it is: every gate is told who asked, or who submitted, or, where nobody did, whose agent it is about.
fn tenant(input: &Value) -> Option<TenantName> {
    let asked = ["principal", "submitter", "publisher", "by"].iter().find_map(|who| input.get(who));
    asked.unwrap_or(input).get("tenant")?.as_str()?.parse().ok()
}

/// Another tenant's decision is not even known to exist.
fn hidden(refusal: Refusal, who: &Caller, input: &Value, wanted: DecisionId) -> Refusal {
    if tenant(input).as_ref() == Some(&who.principal.tenant) {
        return refusal;
    }
    Refusal::missing("decision", &wanted.to_string())
}

fn render(
    app: &App,
    decision: &Decision,
    stored: &StoredRecord,
    input: Value,
) -> Result<DecisionDetail, Refusal> {
    let record = &stored.record;
    let odd = |error: String| Refusal::Internal(format!("record {}: {error}", stored.index));
    let attempt = match record.data::<Event>().map_err(|error| odd(error.to_string()))? {
        Event::Decided { attempt, .. } => attempt,
        _ => None,
    };
    let ids = decision.permitted.iter().chain(decision.excluded.keys()).copied();
    let agents: BTreeMap<String, String> = detail::names(ids, app.names());
    Ok(DecisionDetail {
        decision: decision.into(),
        run: record.subject().parse::<RunId>().ok().map(|run| run.to_string()),
        subject: record.subject().to_owned(),
        attempt: attempt.as_ref().map(Into::into),
        index: stored.index,
        time: record.time().parse().map_err(|error: jiff::Error| odd(error.to_string()))?,
        input,
        agents,
        record: None,
        receipt: None,
    })
}
