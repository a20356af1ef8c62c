//! The admit gate: may this contract run?

use std::collections::BTreeMap;

use concordat_model::classification::Classification;
use concordat_model::contract::{Budget, EffectKind, Governance, OnFailure};
use concordat_model::digest::Digest;
use concordat_model::name::{ContractName, DomainName, SkillName, StepName};
use concordat_model::payload::Salt;
use concordat_model::principal::Principal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ReviewEvidence;

/// What the admit gate is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitInput {
    /// What stands behind the input where it is stored, so that its digest tells nobody what it was.
    #[serde(skip)]
    pub salt: Option<Salt>,
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who sent the contract.
    pub submitter: Principal,
    /// What is to be done.
    pub contract: AdmitContract,
    /// What the classifier says it is about.
    pub classification: Classification,
    /// Every skill that the steps and their compensations ask for, with who offers it.
    pub skills: BTreeMap<SkillName, SkillSupply>,
    /// A person's approval of this contract, if there is one; its payload is the contract's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewEvidence>,
}

/// A contract as the admit gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitContract {
    /// What it is called.
    pub name: ContractName,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of its canonical form.
    pub digest: Digest,
    /// The domain that the submitter declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<DomainName>,
    /// What governs the work.
    pub governance: Governance,
    /// What the work may use up.
    pub budget: Budget,
    /// How long the run may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// What happens to finished steps when the contract fails.
    pub on_failure: OnFailure,
    /// How deep it lies within other contracts; 0 for one that was submitted.
    #[serde(default, skip_serializing_if = "at_the_top")]
    pub depth: u8,
    /// The steps.
    pub steps: Vec<AdmitStep>,
}

/// A step as the admit gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitStep {
    /// The step's name.
    pub id: StepName,
    /// What kind of work it is: `skill`, `review`, `wait`, `emit`, `contract` or `oneOf`.
    pub kind: String,
    /// The skill that it asks an agent for; absent when it asks none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<SkillName>,
    /// Whether an agent may answer with steps of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decomposes: bool,
    /// What doing it twice would do.
    pub effect: EffectKind,
    /// Whether it says how it is undone.
    pub compensated: bool,
}

/// Who offers a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillSupply {
    /// The number of agents that claim it.
    pub registered: u32,
    /// The number of those that are eligible and registered for the domain that the work is held to.
    pub eligible: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "this is the form in which serde asks")]
fn at_the_top(depth: &u8) -> bool {
    *depth == 0
}
