//! API keys: listed, made, taken back; and who presents one.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use concordat_model::id::KeyId;
use concordat_model::keyring::Key;
use concordat_model::principal::Principal;
use concordat_model::problem::{Problem, Problems};
use concordat_policy::input::{Action, ResourceKind};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::keys::{KeyList, KeyMade, KeyRow, Me, NewKey, Role};
use crate::app::Shared;
use crate::body::Typed;
use crate::extract::{Named, NoQuery, Who};
use crate::refusal::Refusal;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(me))
}

/// List the keys of your own organisation, oldest first.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "listKeys",
    tag = "keys",
    responses((status = 200, description = "The keys, without their secrets", body = KeyList)),
)]
async fn list(State(app): State<Shared>, Who(who): Who, _: NoQuery) -> Result<Json<KeyList>, Refusal> {
    app.permit_own(&who, Action::KeysRead, ResourceKind::Key).await?;
    let keys = app.engine.keys();
    let own = keys.iter().filter(|key| key.principal.tenant == who.principal.tenant);
    Ok(Json(KeyList { items: own.map(row).collect() }))
}

/// Make a key. Its text is shown this once.
#[utoipa::path(
    post,
    path = "/v1/keys",
    operation_id = "createKey",
    tag = "keys",
    request_body = NewKey,
    responses((status = 201, description = "The key", body = KeyMade)),
)]
async fn create(
    State(app): State<Shared>,
    Who(who): Who,
    _: NoQuery,
    Typed(wanted): Typed<NewKey>,
) -> Result<Response, Refusal> {
    let principal = principal(&wanted)?;
    let made = app.engine.create_key(&who, principal).await?;
    let NewKey { name, tenant, roles } = wanted;
    let made = KeyMade { id: made.id.to_string(), key: made.text, name, tenant, roles };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Take a key back. It is not recognised from then on.
#[utoipa::path(
    post,
    path = "/v1/keys/{key}/@revoke",
    operation_id = "revokeKey",
    tag = "keys",
    params(("key" = String, Path, description = "the key's id, `key_…`")),
    responses((status = 200, description = "The key as it stands", body = KeyRow)),
)]
async fn revoke(
    State(app): State<Shared>,
    Who(who): Who,
    key: Named,
    _: NoQuery,
) -> Result<Json<KeyRow>, Refusal> {
    let id: KeyId = key.id("key")?;
    let own = app.engine.key(id).is_ok_and(|key| key.principal.tenant == who.principal.tenant);
    let revoked = app.engine.revoke_key(&who, id).await;
    // Another tenant's key is not even known to exist.
    let revoked =
        revoked.map_err(|error| if own { error.into() } else { Refusal::missing("key", &id.to_string()) })?;
    Ok(Json(row(&revoked)))
}

/// See whose key you present.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "whoAmI",
    tag = "keys",
    responses((status = 200, description = "Who you are here", body = Me)),
)]
async fn me(Who(who): Who, _: NoQuery) -> Json<Me> {
    Json(Me {
        name: who.principal.name.to_string(),
        tenant: who.principal.tenant.to_string(),
        roles: who.principal.roles.iter().map(|role| Role::from(*role)).collect(),
        key: who.key.to_string(),
    })
}

fn principal(wanted: &NewKey) -> Result<Principal, Refusal> {
    let mut found = Vec::new();
    let mut named = |pointer: &str, error: concordat_model::name::BadName| {
        found.push(Problem::new("document-form", pointer, error.to_string()));
    };
    let name = wanted.name.parse().map_err(|error| named("/name", error)).ok();
    let tenant = wanted.tenant.parse().map_err(|error| named("/tenant", error)).ok();
    if wanted.roles.is_empty() || wanted.roles.len() > 8 {
        found.push(Problem::new("key-roles", "/roles", "a key has at least one role, and each at most once"));
    }
    let roles = wanted.roles.iter().map(|role| (*role).into()).collect();
    Problems::check(found).map_err(Refusal::Document)?;
    match (name, tenant) {
        (Some(name), Some(tenant)) => Ok(Principal { name, tenant, roles }),
        _ => Err(Refusal::Internal("a name was neither good nor bad".to_owned())),
    }
}

fn row(key: &Key) -> KeyRow {
    KeyRow {
        id: key.id.to_string(),
        name: key.principal.name.to_string(),
        tenant: key.principal.tenant.to_string(),
        roles: key.principal.roles.iter().map(|role| Role::from(*role)).collect(),
        created: key.created,
        revoked: key.revoked,
    }
}
