//! API keys on the wire, and who presents one.

use concordat_model::principal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every key that the caller may see, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    /// The keys.
    pub items: Vec<KeyRow>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRow {
    /// The key's id, `key_…`.
    pub id: String,
    /// Who may use it.
    pub name: String,
    /// The organisation that they belong to.
    pub tenant: String,
    /// What they may be.
    pub roles: Vec<Role>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked: Option<Timestamp>,
}

/// Who a new key is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Who may use it.
    pub name: String,
    /// The organisation that they belong to.
    pub tenant: String,
    /// What they may be, at least one.
    pub roles: Vec<Role>,
}

/// A key that was just made. Its text is shown this once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyMade {
    /// The key's id, `key_…`.
    pub id: String,
    /// What its owner presents, `cdt_…`.
    pub key: String,
    /// Who may use it.
    pub name: String,
    /// The organisation that they belong to.
    pub tenant: String,
    /// What they may be.
    pub roles: Vec<Role>,
}

/// Who presents the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Their name.
    pub name: String,
    /// The organisation that they belong to.
    pub tenant: String,
    /// What they may be.
    pub roles: Vec<Role>,
    /// The key's id, `key_…`.
    pub key: String,
}

/// A part that a person or program plays. What it may do is written in Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends contracts.
    Submitter,
    /// Looks on.
    Viewer,
    /// Answers reviews.
    Reviewer,
    /// Asks what happened, and proves it.
    Auditor,
    /// Runs the agents.
    RegistryAdmin,
    /// Writes policies.
    PolicyAuthor,
    /// Keeps the server running.
    Operator,
    /// Hands out keys.
    Admin,
}

impl From<principal::Role> for Role {
    fn from(role: principal::Role) -> Role {
        match role {
            principal::Role::Submitter => Role::Submitter,
            principal::Role::Viewer => Role::Viewer,
            principal::Role::Reviewer => Role::Reviewer,
            principal::Role::Auditor => Role::Auditor,
            principal::Role::RegistryAdmin => Role::RegistryAdmin,
            principal::Role::PolicyAuthor => Role::PolicyAuthor,
            principal::Role::Operator => Role::Operator,
            principal::Role::Admin => Role::Admin,
        }
    }
}

impl From<Role> for principal::Role {
    fn from(role: Role) -> principal::Role {
        match role {
            Role::Submitter => principal::Role::Submitter,
            Role::Viewer => principal::Role::Viewer,
            Role::Reviewer => principal::Role::Reviewer,
            Role::Auditor => principal::Role::Auditor,
            Role::RegistryAdmin => principal::Role::RegistryAdmin,
            Role::PolicyAuthor => principal::Role::PolicyAuthor,
            Role::Operator => principal::Role::Operator,
            Role::Admin => principal::Role::Admin,
        }
    }
}
