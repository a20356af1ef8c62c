//! The release gate: may this result be used?

use concordat_model::contract::{EffectKind, Governance};
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::name::{ContractName, DomainName, SkillName};
use concordat_model::payload::Salt;
use concordat_model::step_id::StepId;
use concordat_model::work::{Leg, Outcome};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReviewEvidence, Standing, Submitter};

/// What the release gate is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseInput {
    /// What stands behind the input where it is stored, so that its digest tells nobody what it was.
    #[serde(skip)]
    pub salt: Option<Salt>,
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who sent the contract.
    pub submitter: Submitter,
    /// The contract that the step belongs to.
    pub contract: ReleaseContract,
    /// The step, leg and try.
    pub step: ReleaseStep,
    /// Who answered, as the registry knows it now.
    pub agent: ReleaseAgent,
    /// What was answered.
    pub output: ReleaseOutput,
    /// A person's approval of this result, if there is one; its payload is the output's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewEvidence>,
}

impl ReleaseInput {
    /// Whether policy was asked about exactly this outcome.
    #[must_use]
    pub fn is(&self, outcome: &Outcome) -> bool {
        self.step.id == outcome.attempt.step
            && self.step.leg == outcome.attempt.leg
            && self.step.attempt == outcome.attempt.number
            && self.step.skill == outcome.skill
            && self.agent.id == outcome.agent
            && self.output.digest == outcome.digest
    }
}

/// A contract as the release gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseContract {
    /// What it is called.
    pub name: ContractName,
    /// The digest of its canonical form.
    pub digest: Digest,
    /// The domain that the work is held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
    /// What governs the work.
    pub governance: Governance,
}

/// A step as the release gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseStep {
    /// The step's name, with the item when it is done for each of several: `check[3]`.
    pub id: StepId,
    /// The skill that was asked for.
    pub skill: SkillName,
    /// Doing or undoing.
    pub leg: Leg,
    /// The count of tries, from 1.
    pub attempt: u32,
    /// What doing it twice would do.
    pub effect: EffectKind,
}

/// An agent as the release gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseAgent {
    /// Its id.
    pub id: AgentId,
    /// The revision that was asked.
    pub revision: Digest,
    /// Whether it gets work now.
    pub standing: Standing,
}

/// An output as the release gate sees it: what it is, not what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseOutput {
    /// The digest of its canonical form.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether there was a schema to check it against.
    pub schema_checked: bool,
    /// The number of places where it breaks its schema.
    pub misfits: u32,
}
