//! What the sender of contracts gets: the receipt, or the plan of what would happen.

use concordat_engine::{Accepted, Planned};
use concordat_model::contract::EffectKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::decisions::{Classification, Decision};
use super::StepKind;

/// What the sender of a submission gets: proof that it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The submission, `sub_…`.
    pub submission: String,
    /// Its contracts, as they were written.
    pub contracts: Vec<ReceiptLine>,
}

/// One contract of a submission, as it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptLine {
    /// The run of the contract, `run_…`.
    pub run: String,
    /// What it is called within the submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The digest of contract and input.
    pub digest: String,
    /// The status word at the moment of acceptance.
    pub status: String,
    /// Where the proof is that it was taken in: the receipt of the record with which its run began.
    #[serde(default)]
    pub receipt: String,
}

/// What would happen to a submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Its contracts, as they were written.
    pub contracts: Vec<PlannedContract>,
}

/// One contract as it would be taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedContract {
    /// What it is called within the submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The contract's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of contract and input.
    pub digest: String,
    /// What it is about.
    pub classification: Classification,
    /// What the admit gate would answer; it binds nobody.
    pub decision: Decision,
    /// The steps that may run side by side, first things first.
    pub levels: Vec<Vec<String>>,
    /// The steps as they were written.
    pub steps: Vec<PlannedStep>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedStep {
    /// The step.
    pub id: String,
    /// What kind of work it is.
    pub kind: StepKind,
    /// The skill that is asked for, when an agent is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// Whether it is done once for each item of a list.
    #[serde(default)]
    pub for_each: bool,
    /// The steps that come before it.
    pub needs: Vec<String>,
    /// What doing it twice would do.
    pub effect: Effect,
    /// Whether it depends on a condition.
    pub when: bool,
    /// The skill that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<String>,
}

/// What doing a step twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing.
    None,
    /// Doing it twice with one key is doing it once.
    Idempotent,
    /// Doing it twice does harm.
    Unsafe,
}

impl From<Accepted> for Receipt {
    fn from(accepted: Accepted) -> Receipt {
        let receipt = accepted.receipt;
        let lines = receipt.contracts.into_iter().map(|line| ReceiptLine {
            receipt: format!("/v1/audit/receipts/{}", line.run),
            run: line.run.to_string(),
            label: line.label,
            contract: line.contract,
            digest: line.digest.to_string(),
            status: line.status,
        });
        Receipt { submission: receipt.submission.to_string(), contracts: lines.collect() }
    }
}

impl From<&Planned> for PlannedContract {
    fn from(planned: &Planned) -> PlannedContract {
        let (contract, plan) = (&planned.contract, planned.contract.plan());
        let name = |nth: &usize| contract.steps().get(*nth).map(|step| step.document.id.to_string());
        let steps = contract.steps().iter().enumerate().map(|(nth, step)| PlannedStep {
            id: step.document.id.to_string(),
            kind: (&step.kind).into(),
            skill: step.kind.skill().map(ToString::to_string),
            for_each: step.document.for_each.is_some(),
            needs: plan.needs(nth).iter().filter_map(name).collect(),
            effect: step.document.effect.into(),
            when: step.when.is_some(),
            compensate: step.document.compensate.as_ref().map(|undo| undo.skill.to_string()),
        });
        PlannedContract {
            label: planned.label.clone(),
            contract: contract.document().metadata.name.to_string(),
            version: contract.document().metadata.version.clone(),
            digest: contract.digest().to_string(),
            classification: (&planned.classification).into(),
            decision: (&planned.decision).into(),
            levels: plan.levels().iter().map(|level| level.iter().filter_map(name).collect()).collect(),
            steps: steps.collect(),
        }
    }
}

impl From<EffectKind> for Effect {
    fn from(effect: EffectKind) -> Effect {
        match effect {
            EffectKind::None => Effect::None,
            EffectKind::Idempotent => Effect::Idempotent,
            EffectKind::Unsafe => Effect::Unsafe,
        }
    }
}
