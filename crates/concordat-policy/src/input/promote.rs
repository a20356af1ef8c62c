//! The promote gate: may this policy come into force?

use concordat_model::digest::Digest;
use concordat_model::name::PrincipalName;
use concordat_model::principal::Principal;
use concordat_model::share::Share;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the promote gate is told. It is the policy in force that is asked, not the one that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteInput {
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who wants it.
    pub publisher: Principal,
    /// What they say about it.
    pub reason: String,
    /// The revision that is to go to another stage.
    pub revision: PromoteRevision,
    /// The revision in force.
    pub enforced: Digest,
    /// Where the revision stands.
    pub from: StageName,
    /// Where it is to go.
    pub to: StageName,
    /// The share of contracts that it is to decide; only as a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// What somebody saw that it would have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<PromoteImpact>,
    /// How its trial went, if it is on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<PromoteTrial>,
    /// Until when, if it is to come into force without the usual proofs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// A revision as the promote gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteRevision {
    /// The digest of its bundle.
    pub digest: Digest,
    /// Who sent it; absent for what came with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<PrincipalName>,
    /// How many tests it has; all of them hold, or it would not have been published.
    pub tests: u32,
    /// How many warnings it was published with.
    pub warnings: u32,
}

/// What a revision may do, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Nothing.
    Off,
    /// It is asked about everything, and decides nothing.
    Shadow,
    /// It decides a share of the contracts.
    Canary,
    /// It decides.
    Enforced,
}

/// What a revision would have decided otherwise, as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteImpact {
    /// The revision that was in force when it was seen.
    pub against: Digest,
    /// Who saw it.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many of them could be asked again.
    pub replayed: u64,
    /// How many would have been other ones.
    pub differ: u64,
}

/// How the trial of a revision went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteTrial {
    /// Since when.
    pub since: Timestamp,
    /// How many decisions it was asked about.
    pub asked: u64,
    /// How often it differed from the revision in force.
    pub differed: u64,
    /// How often it gave no answer of its own.
    pub failed: u64,
}

/// The wish to pass over the usual proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// When what was in force before comes back.
    pub until: Timestamp,
    /// How far away that is, in milliseconds.
    pub ms: i64,
}
