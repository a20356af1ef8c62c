//! The routes, one file a resource. Handlers parse, call, render.

mod agents;
mod audit;
mod cloud_events;
mod contracts;
mod decisions;
mod events;
mod keys;
mod orders;
mod reviews;
mod service;
mod templates;
mod triggers;

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
        .merge(templates::routes())
        .merge(audit::routes())
        .merge(keys::routes())
        .merge(service::routes())
}
