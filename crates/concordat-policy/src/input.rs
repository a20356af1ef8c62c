//! What each gate is told: one struct a gate, small, without floats and without large texts.
//!
//! Every decision stores its input, so what no rule needs is left out. The JSON Schemas in `policies/schema/`
//! are made from these types, and a test fails when they are stale. Unknown members are refused, so that a
//! stored input is read back as exactly what was asked.

mod access;
mod admit;
mod dispatch;
mod enroll;
mod health;
mod promote;
mod release;
mod schema;

use concordat_model::decision::Gate;
use concordat_model::digest::Digest;
use concordat_model::id::ReviewId;
use concordat_model::money::Money;
use concordat_model::name::{PrincipalName, TenantName};
use concordat_model::payload::Salt;
use concordat_model::principal::Role;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use concordat_model::agent::Standing;

pub use self::access::{AccessInput, Action, Resource, ResourceKind};
pub use self::admit::{AdmitContract, AdmitInput, AdmitStep, SkillSupply};
pub use self::dispatch::{
    BreakerState, Candidate, DispatchContract, DispatchInput, DispatchStep, DispatchTelling, DispatchTrials,
    Load,
};
pub use self::enroll::{EnrollAgent, EnrollChange, EnrollInput, EnrollSkill, EnrollTry};
pub use self::health::{Errors, Health, InstanceLoad};
pub use self::promote::{BreakGlass, PromoteImpact, PromoteInput, PromoteRevision, PromoteTrial, StageName};
pub use self::release::{ReleaseAgent, ReleaseContract, ReleaseInput, ReleaseOutput, ReleaseStep};
pub(crate) use self::schema::normal;
pub use self::schema::schema;

/// Who sent the contract, where their roles do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submitter {
    /// Who.
    pub name: PrincipalName,
    /// The organisation that they belong to.
    pub tenant: TenantName,
}

/// A person's approval of exactly one payload: evidence for policy, not a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewEvidence {
    /// The review that was answered.
    pub id: ReviewId,
    /// Who approved.
    pub by: PrincipalName,
    /// What they were given to do when they answered.
    pub roles: Vec<Role>,
    /// When, as RFC 3339 text.
    pub at: Timestamp,
    /// What they saw: the contract's digest (admit), the parameters' (dispatch) or the output's (release).
    pub payload: Digest,
}

/// An amount of one currency that policy can compare: Rego has no decimals, so it is counted in millionths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The amount in millionths of the currency's unit, below 2^53.
    pub micros: u64,
    /// The ISO 4217 code.
    #[schemars(length(min = 3, max = 3))]
    pub currency: String,
}

impl From<Money> for Price {
    fn from(money: Money) -> Price {
        Price { micros: money.micros(), currency: money.currency().to_owned() }
    }
}

/// What is asked of one gate; sealed, because a gate and its input belong together.
pub(crate) trait GateInput: Serialize {
    /// The gate that takes it.
    const GATE: Gate;

    /// What stands behind it where it is stored.
    fn salt(&self) -> Option<Salt> {
        None
    }
}

impl GateInput for AccessInput {
    const GATE: Gate = Gate::Access;
}

impl GateInput for AdmitInput {
    const GATE: Gate = Gate::Admit;

    fn salt(&self) -> Option<Salt> {
        self.salt
    }
}

impl GateInput for DispatchInput {
    const GATE: Gate = Gate::Dispatch;

    fn salt(&self) -> Option<Salt> {
        self.salt
    }
}

impl GateInput for ReleaseInput {
    const GATE: Gate = Gate::Release;

    fn salt(&self) -> Option<Salt> {
        self.salt
    }
}

impl GateInput for EnrollInput {
    const GATE: Gate = Gate::Enroll;
}

impl GateInput for PromoteInput {
    const GATE: Gate = Gate::Promote;
}
