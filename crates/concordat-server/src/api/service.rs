//! What the service says about itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyInForce {
    /// The digest of its bundle.
    pub revision: String,
}
