//! The routes, one file a resource. Handlers parse, call, render.

mod agents;
mod audit;
mod cloud_events;
mod contents;
pub(crate) mod contracts;
mod decisions;
mod events;
mod keys;
mod opa;
mod orders;
mod policies;
mod proofs;
mod reports;
mod reviews;
mod service;
mod templates;
mod triggers;
mod trust;

use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;

/// Every route that has a place in the description.
pub(crate) fn all() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(crate::openapi::begin())
        .merge(contracts::routes())
        .merge(orders::routes())
        .merge(events::routes())
        .merge(decisions::routes())
        .merge(reviews::routes())
        .merge(cloud_events::routes())
        .merge(triggers::routes())
        .merge(agents::routes())
        .merge(trust::routes())
        .merge(templates::routes())
        .merge(policies::routes())
        .merge(audit::routes())
        .merge(proofs::routes())
        .merge(reports::routes())
        .merge(contents::routes())
        .merge(keys::routes())
        .merge(service::routes())
}

/// OPA's API under `/opa`. OPA's own pages describe it.
pub(crate) fn opa() -> axum::Router<Shared> {
    opa::routes()
}

/// The log as tiles. Their specification describes them.
pub(crate) fn tiles() -> axum::Router<Shared> {
    proofs::tiles()
}

/// A refusal in OPA's form.
pub(crate) fn opa_refusal(refusal: crate::refusal::Refusal) -> axum::response::Response {
    opa::refused(refusal)
}
