//! Who is asking.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{PrincipalName, TenantName};

/// Somebody who was authenticated, with what they may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Their name.
    pub name: PrincipalName,
    /// The organisation they belong to.
    pub tenant: TenantName,
    /// What they may be; what that means is for the access gate to say.
    pub roles: Vec<Role>,
}

/// A part that a person or program plays. What a role may do is written in Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] = [
        Role::Submitter,
        Role::Viewer,
        Role::Reviewer,
        Role::Auditor,
        Role::RegistryAdmin,
        Role::PolicyAuthor,
        Role::Operator,
        Role::Admin,
    ];

    /// The role's name in Rego, the API and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Submitter => "submitter",
            Role::Viewer => "viewer",
            Role::Reviewer => "reviewer",
            Role::Auditor => "auditor",
            Role::RegistryAdmin => "registry_admin",
            Role::PolicyAuthor => "policy_author",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a role: there are submitter, viewer, reviewer, auditor, registry_admin, policy_author, operator and admin"
)]
pub struct BadRole(String);

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Role, BadRole> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| BadRole(text.chars().take(40).collect()))
    }
}
