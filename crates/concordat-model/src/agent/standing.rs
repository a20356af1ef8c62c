//! An agent's place in its life: proposed, tried, in use, kept away, gone.
//!
//! ```text
//!   proposed ──► probation ◄──► eligible        works: probation (little at stake, as policy says) and eligible
//!      │             │  ▲          │  ▲
//!      │             ▼  │          ▼  │
//!      │         quarantined / suspended        quarantined: something was found; suspended: somebody wants it so
//!      ▼             ▼                 ▼
//!   retired ◄─────────────────────────          for good: its name and its record stay taken
//! ```
//!
//! What is possible stands here; who may do it, and when, is for the `enroll` gate to say.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::PrincipalName;

/// Whether an agent gets work, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Somebody registered it, and somebody else has to approve it first.
    Proposed,
    /// It may be considered where little is at stake.
    Probation,
    /// It may be considered.
    Eligible,
    /// It gets nothing: something was found that has to be looked at.
    Quarantined,
    /// It gets nothing until somebody restores it.
    Suspended,
    /// It gets nothing any more, ever.
    Retired,
}

impl Standing {
    /// Every standing, in the order of a life.
    pub const ALL: [Standing; 6] = [
        Standing::Proposed,
        Standing::Probation,
        Standing::Eligible,
        Standing::Quarantined,
        Standing::Suspended,
        Standing::Retired,
    ];

    /// Its name in Rego, the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Proposed => "proposed",
            Standing::Probation => "probation",
            Standing::Eligible => "eligible",
            Standing::Quarantined => "quarantined",
            Standing::Suspended => "suspended",
            Standing::Retired => "retired",
        }
    }

    /// Whether an agent that stands so may be given anything at all.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Standing::Probation | Standing::Eligible)
    }

    /// Whether an agent that stands so can come to stand otherwise: the whole table.
    #[must_use]
    pub fn can_become(self, to: Standing) -> bool {
        use Standing::{Eligible, Probation, Proposed, Quarantined, Retired, Suspended};
        match self {
            Proposed => matches!(to, Probation | Eligible | Retired),
            Probation => matches!(to, Eligible | Quarantined | Suspended | Retired),
            Eligible => matches!(to, Probation | Quarantined | Suspended | Retired),
            Quarantined => matches!(to, Probation | Eligible | Suspended | Retired),
            Suspended => matches!(to, Probation | Eligible | Quarantined | Retired),
            Retired => false,
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who made an agent stand as it does, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Who; nobody, where policy found that it broke a rule.
    pub by: Option<PrincipalName>,
    /// Why, in their words.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_decided() {
        // Rows are where from, columns where to, both in the order of a life.
        let table: String = Standing::ALL
            .iter()
            .map(|from| {
                let row = Standing::ALL.iter().map(|to| if from.can_become(*to) { '+' } else { '.' });
                row.chain(['\n']).collect::<String>()
            })
            .collect();
        assert_eq!(table, ".++..+\n..++++\n.+.+++\n.++.++\n.+++.+\n......\n");
    }

    #[test]
    fn only_two_of_them_work_and_nobody_comes_back_to_be_proposed() {
        let working: Vec<&str> =
            Standing::ALL.into_iter().filter(|one| one.works()).map(Standing::as_str).collect();
        assert_eq!(working, ["probation", "eligible"]);
        assert!(Standing::ALL.iter().all(|from| !from.can_become(Standing::Proposed)));
    }
}
