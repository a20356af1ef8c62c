//! Events from outside on the wire. They come in the form that CloudEvents 1.0 gives them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What whoever publishes an event gets: proof that it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// The event, `evt_…`.
    pub id: String,
}
