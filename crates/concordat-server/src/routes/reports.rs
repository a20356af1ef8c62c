//! Reports, exports and evidence packs: ordered, watched, fetched. That one left is in the log before it does.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_engine::{EngineError, Exported};
use concordat_model::id::ReportId;
use concordat_model::problem::Problem;
use concordat_policy::input::{Action, ResourceKind};
use concordat_report::making::{Form, Order};
use concordat_report::template::{BadTemplate, Template};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use std::sync::atomic::Ordering;
use tokio::io::AsyncReadExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::reports::{ReportForm, ReportOrder, ReportState, ReportStatus};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;
use crate::reports::{Busy, Done, Job, State as Stands};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(order)).routes(routes!(status)).routes(routes!(content))
}

/// Order a report, an export of records, or an evidence pack.
///
/// It is made in the background; `Location` says where it can be watched.
#[utoipa::path(
    post,
    path = "/v1/audit/reports",
    operation_id = "orderReport",
    tag = "audit",
    request_body = ReportOrder,
    responses((status = 202, description = "It is being made", body = ReportStatus)),
)]
async fn order(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(wanted): Typed<ReportOrder>,
) -> Result<Response, Refusal> {
    let access = app.permit(&who, Action::AuditExport, ResourceKind::Audit, None).await?;
    let time = |time: jiff::Timestamp| format!("{time:.6}");
    let order = Order {
        template: template(&wanted.template)?,
        from: wanted.from.map(time),
        to: wanted.to.map(time),
        form: form(wanted.form),
        keys: app.log_keys.clone(),
        payloads: wanted.payloads,
        earlier: wanted.checkpoint,
    };
    // The decision is not stored before something leaves, so its chance serves the report too.
    let id = ReportId::new(access.decision.id.uuid());
    let begun = app.reports.begin(id, app.engine.store().clone(), order);
    let begun = begun.map_err(|error| Refusal::Internal(format!("no report can be written: {error}")))?;
    let job = begun.map_err(|Busy| Refusal::Reports)?;
    let mut response = (StatusCode::ACCEPTED, Json(told(id, &job))).into_response();
    let place = format!("/v1/audit/reports/{id}");
    let place = HeaderValue::from_str(&place).map_err(|error| Refusal::Internal(error.to_string()))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// See how a report stands.
#[utoipa::path(
    get,
    path = "/v1/audit/reports/{id}",
    operation_id = "getReport",
    tag = "audit",
    params(("id" = String, Path, description = "the report's id, `rpt_…`")),
    responses((status = 200, description = "How it stands", body = ReportStatus)),
)]
async fn status(
    State(app): State<Shared>,
    Who(who): Who,
    named: Named,
    _: NoQuery,
) -> Result<Json<ReportStatus>, Refusal> {
    app.permit(&who, Action::AuditExport, ResourceKind::Audit, None).await?;
    let id: ReportId = named.id("report")?;
    let job = app.reports.get(id).ok_or_else(|| Refusal::missing("report", &named.0))?;
    Ok(Json(told(id, &job)))
}

/// Fetch a report, for an hour after it was made.
#[utoipa::path(
    get,
    path = "/v1/audit/reports/{id}/content",
    operation_id = "getReportContent",
    tag = "audit",
    params(("id" = String, Path, description = "the report's id, `rpt_…`")),
    responses((status = 200, description = "The report", body = String, content_type = "application/octet-stream")),
)]
async fn content(
    State(app): State<Shared>,
    Who(who): Who,
    named: Named,
    _: NoQuery,
) -> Result<Response, Refusal> {
    let access = app.permit(&who, Action::AuditExport, ResourceKind::Audit, None).await?;
    let id: ReportId = named.id("report")?;
    let job = app.reports.get(id).ok_or_else(|| Refusal::missing("report", &named.0))?;
    let stands = job.state.lock().clone();
    let done = match stands {
        Stands::Done(done) => done,
        Stands::Running => {
            return Err(
                EngineError::Conflict("the report is not done yet: watch it until it is".to_owned()).into()
            );
        }
        Stands::Failed(why) => {
            return Err(EngineError::Conflict(format!("the report was not made: {why}")).into());
        }
    };
    let unreadable =
        |error: std::io::Error| Refusal::Internal(format!("report `{id}` cannot be read: {error}"));
    let file = tokio::fs::File::open(&job.file).await.map_err(unreadable)?;
    app.engine.record_export(&who, &access, &exported(&job, &done)).await?;
    let name = format!("attachment; filename=\"concordat-report{}\"", ending(job.form));
    let name = HeaderValue::from_str(&name).map_err(|error| Refusal::Internal(error.to_string()))?;
    let media = HeaderValue::from_static(job.form.media_type());
    Ok(([(CONTENT_TYPE, media), (CONTENT_DISPOSITION, name)], streamed(file)).into_response())
}

/// A file, piece by piece.
fn streamed(file: tokio::fs::File) -> Body {
    const PIECE: usize = 1 << 16;
    Body::from_stream(stream::try_unfold(file, |mut file| async {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    }))
}

fn exported(job: &Job, done: &Done) -> Exported {
    let what = match job.form {
        Form::Pack => "evidence",
        Form::JsonLines | Form::RecordsCsv | Form::Parquet => "records",
        Form::Html | Form::Pdf | Form::Json | Form::Csv => "report",
    };
    Exported {
        what: what.to_owned(),
        form: ending(job.form).trim_start_matches('.').to_owned(),
        first: done.made.first,
        size: done.made.end,
        digest: done.digest.parse().ok(),
    }
}

fn told(id: ReportId, job: &Job) -> ReportStatus {
    let stands = job.state.lock().clone();
    let (state, done, problem) = match stands {
        Stands::Running => (ReportState::Running, None, None),
        Stands::Done(done) => (ReportState::Done, Some(done), None),
        Stands::Failed(why) => (ReportState::Failed, None, Some(why)),
    };
    ReportStatus {
        id: id.to_string(),
        state,
        records: job.read.load(Ordering::Relaxed),
        of: job.of.load(Ordering::Relaxed),
        bytes: done.as_ref().map(|done| done.bytes),
        digest: done.map(|done| done.digest),
        problem,
    }
}

/// A template of ours by its name, or one's own as it was sent.
fn template(sent: &serde_json::Value) -> Result<Template, Refusal> {
    let read = match sent {
        serde_json::Value::String(name) => Template::named(name),
        own => Template::read(&own.to_string()),
    };
    read.map_err(|error: BadTemplate| {
        Refusal::Document(Problem::new("report-template", "/template", error.to_string()).into())
    })
}

fn form(wanted: ReportForm) -> Form {
    match wanted {
        ReportForm::Html => Form::Html,
        ReportForm::Pdf => Form::Pdf,
        ReportForm::Json => Form::Json,
        ReportForm::Csv => Form::Csv,
        ReportForm::Jsonl => Form::JsonLines,
        ReportForm::RecordsCsv => Form::RecordsCsv,
        ReportForm::Parquet => Form::Parquet,
        ReportForm::Tar => Form::Pack,
    }
}

fn ending(form: Form) -> &'static str {
    match form {
        Form::Html => ".html",
        Form::Pdf => ".pdf",
        Form::Json => ".json",
        Form::Csv => ".csv",
        Form::JsonLines => ".jsonl",
        Form::RecordsCsv => ".records.csv",
        Form::Parquet => ".parquet",
        Form::Pack => ".tar",
    }
}
