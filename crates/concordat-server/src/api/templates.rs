//! Templates on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The known templates, by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    /// The templates.
    pub items: Vec<TemplateRow>,
}

/// A template in one line. The document itself is at `/v1/templates/{name}@{version}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateRow {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is for, in a sentence.
    pub objective: String,
    /// The domain that it declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The number of its steps.
    pub steps: u32,
}
