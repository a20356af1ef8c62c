//! Modules: written one by one as OPA has it, or all at once.

use axum::extract::{Request, State};
use axum::response::Response;
use concordat_policy::opa::{Change, MOST_TEXT};
use http::StatusCode;
use serde_json::json;

use super::asked::{caller, id, rendered};
use super::refused::No;
use crate::api::opa::{Modules, Policy, Wrapped};
use crate::app::Shared;
use crate::body;

/// Under which path modules stand.
const POLICIES: &str = "/v1/policies";
/// The most bytes of a body: texts grow when they are written as JSON.
const MOST_BYTES: usize = 2 * MOST_TEXT;

/// List modules.
pub(super) async fn all(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let documents = app.engine.opa(&caller(&request)?).await?;
    let policy = |(id, raw): (&str, &str)| Policy { id: id.to_owned(), raw: raw.to_owned() };
    let result: Vec<Policy> = documents.modules().map(policy).collect();
    Ok(rendered(request.uri(), StatusCode::OK, &Wrapped { result }))
}

/// Get one module.
pub(super) async fn one(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let documents = app.engine.opa(&caller(&request)?).await?;
    let id = id(request.uri(), POLICIES);
    let raw = documents.module(&id)?.to_owned();
    Ok(rendered(request.uri(), StatusCode::OK, &Wrapped { result: Policy { id, raw } }))
}

/// Write a module, or write it anew.
pub(super) async fn put(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let body = body::bounded(request, MOST_BYTES).await?;
    let text = String::from_utf8(body.into()).map_err(|_| No::parameter("the module is not UTF-8"))?;
    app.engine.change_opa(&who, Change::PolicyPut { id: id(&uri, POLICIES), text }, None).await?;
    Ok(rendered(&uri, StatusCode::OK, &json!({})))
}

/// Take a module away.
pub(super) async fn delete(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    app.engine.change_opa(&who, Change::PolicyRemoved { id: id(&uri, POLICIES) }, None).await?;
    Ok(rendered(&uri, StatusCode::OK, &json!({})))
}

/// Replace all modules by these, or none.
pub(super) async fn replace(State(app): State<Shared>, request: Request) -> Result<Response, No> {
    let (who, uri) = (caller(&request)?, request.uri().clone());
    let body = super::asked::json(request, MOST_BYTES).await?;
    let Modules { modules } =
        serde_json::from_slice(&body).map_err(|error| No::parameter(error.to_string()))?;
    app.engine.change_opa(&who, Change::PoliciesReplaced { modules }, None).await?;
    Ok(rendered(&uri, StatusCode::OK, &json!({})))
}
