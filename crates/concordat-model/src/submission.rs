//! Submissions: one contract, or several with `dependsOn` between them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::agree::{Contract, ContractForm, MAX_DEPTH};
use crate::contract::{ApiVersion, ContractDocument};
use crate::document;
use crate::name::StepName;
use crate::plan::Plan;
use crate::problem::{Problem, Problems};
use crate::template::{TemplateRef, Templates};

/// Several contracts, as they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubmissionDocument {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What the document is.
    pub kind: SubmissionKind,
    /// The contracts.
    #[schemars(length(min = 1, max = 100))]
    pub contracts: Vec<SubmittedDocument>,
}

/// Marks a document as a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubmissionKind {
    /// One or more contracts.
    Submission,
}

/// One contract of a submission, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubmittedDocument {
    /// What the contract is called within the submission; without it, its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<StepName>,
    /// A known template, as `name` or `name@version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateRef>,
    /// Or the contract itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractDocument>,
    /// The contract's input.
    #[serde(default = "no_input")]
    pub input: Value,
    /// The contracts of this submission that must be completed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<StepName>,
}

/// An agreed submission.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The contracts, as they were written.
    pub contracts: Vec<Submitted>,
    /// Their order.
    pub plan: Plan,
}

/// One agreed contract of a submission.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// What it is called within the submission.
    pub label: StepName,
    /// The contract.
    pub contract: Contract,
}

/// The most contracts of one submission.
pub const MAX_CONTRACTS: usize = 100;

fn no_input() -> Value {
    Value::Object(Map::new())
}

impl Submission {
    /// Agrees a document that is either one contract or a submission.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer of its place in the document.
    pub fn agree(value: Value, templates: &Templates) -> Result<Submission, Problems> {
        match value.get("kind").and_then(Value::as_str) {
            Some("Contract") => {
                let contract = with_templates(document::typed(value)?, templates)?;
                let label = label_of(&contract, "/metadata/name")?;
                let contract = Contract::agree(ContractForm { contract, input: no_input() })?;
                Submission::of_one(Submitted { label, contract })
            }
            Some("Submission") => several(document::typed(value)?, templates),
            other => {
                let message =
                    format!("`kind` is `Contract` or `Submission`, not `{}`", other.unwrap_or("nothing"));
                Err(Problem::new("document-kind", "/kind", message).into())
            }
        }
    }
}

impl Submission {
    /// The submission of one contract.
    ///
    /// # Errors
    /// None: one contract needs no other.
    pub fn of_one(submitted: Submitted) -> Result<Submission, Problems> {
        let plan = Plan::order(vec![Vec::new()])
            .map_err(|cycle| Problem::new("plan-cycle", "", cycle.to_string()))?;
        Ok(Submission { contracts: vec![submitted], plan })
    }
}

/// The contract with every template that it names put in place of its name, so that what is agreed is what will be
/// carried out, whatever becomes of the templates.
///
/// # Errors
/// A template that is not known, or templates that lie too deep within each other, each with its place.
pub fn with_templates(
    contract: ContractDocument,
    templates: &Templates,
) -> Result<ContractDocument, Problems> {
    let mut found = Vec::new();
    let contract = put_in_place(contract, templates, "", 1, &mut found);
    Problems::check(found)?;
    Ok(contract)
}

fn put_in_place(
    mut contract: ContractDocument,
    templates: &Templates,
    at: &str,
    depth: usize,
    found: &mut Vec<Problem>,
) -> ContractDocument {
    let steps = contract.spec.steps.iter_mut().enumerate();
    let nested = steps
        .filter_map(|(nth, step)| Some((format!("{at}/spec/steps/{nth}/contract"), step.contract.as_mut()?)));
    let fallback = contract.spec.fallback.as_mut().map(|nested| (format!("{at}/spec/fallback"), nested));
    for (at, nested) in nested.chain(fallback) {
        if nested.template.is_some() && nested.contract.is_some() {
            continue;
        }
        if depth >= MAX_DEPTH {
            let message = format!("contracts lie at most {MAX_DEPTH} deep within each other");
            found.push(Problem::new("contract-size", at, message));
            continue;
        }
        let known = nested.template.take().map(|template| templates.find(&template).cloned());
        let inner = match known {
            Some(Err(unknown)) => {
                found.push(Problem::new("template-unknown", format!("{at}/template"), unknown.to_string()));
                continue;
            }
            Some(Ok(known)) => Some(known),
            None => nested.contract.take(),
        };
        nested.contract =
            inner.map(|inner| put_in_place(inner, templates, &format!("{at}/contract"), depth + 1, found));
    }
    contract
}

fn several(submission: SubmissionDocument, templates: &Templates) -> Result<Submission, Problems> {
    let n = submission.contracts.len();
    if n == 0 || n > MAX_CONTRACTS {
        let message = format!("a submission has 1 to {MAX_CONTRACTS} contracts, not {n}");
        return Err(Problem::new("submission-size", "/contracts", message).into());
    }
    let mut found = Vec::new();
    let mut contracts = Vec::with_capacity(n);
    let mut depends = Vec::with_capacity(n);
    for (nth, submitted) in submission.contracts.into_iter().enumerate() {
        let depends_on = submitted.depends_on.clone();
        match one(submitted, templates, &format!("/contracts/{nth}")) {
            Ok(contract) => {
                contracts.push(contract);
                depends.push(depends_on);
            }
            Err(problems) => found.extend(problems.all().iter().cloned()),
        }
    }
    Problems::check(found)?;
    let plan = order(&contracts, &depends)?;
    Ok(Submission { contracts, plan })
}

fn one(submitted: SubmittedDocument, templates: &Templates, at: &str) -> Result<Submitted, Problems> {
    let inline = submitted.contract.is_some();
    let contract = match (submitted.contract, &submitted.template) {
        (Some(contract), None) => contract,
        (None, Some(template)) => templates
            .find(template)
            .map_err(|error| Problem::new("template-unknown", format!("{at}/template"), error.to_string()))?
            .clone(),
        _ => {
            let message = "each contract of a submission has either a `template` or a `contract`";
            return Err(Problem::new("submission-form", at, message).into());
        }
    };
    let label = match submitted.name {
        Some(label) => label,
        None => label_of(&contract, at)?,
    };
    let place = |problem: Problem| {
        let base = if inline && !problem.pointer.starts_with("/input") {
            format!("{at}/contract")
        } else {
            at.to_owned()
        };
        problem.under(&base)
    };
    let agree = |contract| Contract::agree(ContractForm { contract, input: submitted.input });
    let contract =
        with_templates(contract, templates).and_then(agree).map_err(|problems| problems.map(place))?;
    Ok(Submitted { label, contract })
}

/// What a contract is called within its submission when nobody says: its own name.
///
/// # Errors
/// A name that cannot be one.
pub fn label_of(contract: &ContractDocument, at: &str) -> Result<StepName, Problems> {
    let label = contract.metadata.name.as_str().parse();
    label.map_err(|error: crate::name::BadName| Problem::new("submission-form", at, error.to_string()).into())
}

fn order(contracts: &[Submitted], depends: &[Vec<StepName>]) -> Result<Plan, Problems> {
    let mut names = HashMap::new();
    let mut found = Vec::new();
    for (nth, submitted) in contracts.iter().enumerate() {
        if names.insert(&submitted.label, nth).is_some() {
            let message = format!("two contracts of this submission are called `{}`", submitted.label);
            found.push(Problem::new("contract-twice", format!("/contracts/{nth}/name"), message));
        }
    }
    let mut needs = Vec::with_capacity(contracts.len());
    for (nth, depends_on) in depends.iter().enumerate() {
        let mut before = Vec::with_capacity(depends_on.len());
        for (place, name) in depends_on.iter().enumerate() {
            match names.get(name) {
                Some(other) => before.push(*other),
                None => {
                    let message = format!("there is no contract `{name}` in this submission");
                    found.push(Problem::new(
                        "contract-unknown",
                        format!("/contracts/{nth}/dependsOn/{place}"),
                        message,
                    ));
                }
            }
        }
        before.sort_unstable();
        before.dedup();
        needs.push(before);
    }
    Problems::check(found)?;
    Plan::order(needs).map_err(|cycle| {
        let name = |nth: &usize| contracts.get(*nth).map_or("?", |one| one.label.as_str());
        let path: Vec<&str> = cycle.path.iter().map(name).collect();
        let at = cycle.path.first().copied().unwrap_or(0);
        let message = format!("the contracts form a cycle: {}", path.join(" -> "));
        Problem::new("plan-cycle", format!("/contracts/{at}/dependsOn"), message).into()
    })
}
