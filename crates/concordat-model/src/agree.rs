//! From a document to a contract: everything that must hold before anybody is asked anything.
//!
//! A `Contract` exists only agreed: its steps are ordered, its references lead somewhere, its schemas compile,
//! its input fits. Whether it may run is another question, and not asked here.

mod kind;
mod order;
mod scope;
mod step;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::condition::Test;
use crate::contract::{ContractDocument, NestedDocument, Spec};
use crate::digest::{self, Digest, NoCanonicalForm};
use crate::name::StepName;
use crate::payload::{self, Payload, Salt};
use crate::plan::Plan;
use crate::problem::{Problem, Problems};
use crate::reference::Reference;
use crate::span::Span;
use order::order;
use scope::{Scope, Sees};
use words::{check_input, check_subject, check_words};

pub use kind::{Kind, Nested, Wait, Way};
pub use step::Step;

/// The most steps of a contract.
pub const MAX_STEPS: usize = 10_000;
/// The most steps that one step may need.
pub const MAX_NEEDS: usize = 64;
/// The longest objective and requirement, in characters.
pub const MAX_SENTENCE: usize = 2000;
/// The most requirements and acceptance conditions.
pub const MAX_SENTENCES: usize = 100;
/// The most branches of a choice.
pub const MAX_BRANCHES: usize = 64;
/// How deep contracts may lie within each other.
pub const MAX_DEPTH: usize = 8;
/// The most items that one step is done for.
pub const MAX_ITEMS: usize = 1000;
/// How long an attempt may take when the step does not say.
pub const DEFAULT_TIMEOUT: Span = Span::seconds(30);

/// An agreed contract with its input: immutable, ordered, ready to be put before policy.
#[derive(Debug, Clone)]
pub struct Contract {
    document: ContractDocument,
    input: Arc<Value>,
    digest: Digest,
    plan: Plan,
    steps: Vec<Step>,
    index: HashMap<StepName, usize>,
    acceptance: Vec<Test>,
    fallback: Option<Nested>,
}

/// What a contract's digest covers, and what is stored of it.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractForm {
    /// The document.
    pub contract: ContractDocument,
    /// The input.
    pub input: Value,
}

impl Contract {
    /// Agrees a contract: checks everything about the document and its input.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer of its place; the input's places begin with `/input`.
    pub fn agree(form: ContractForm) -> Result<Contract, Problems> {
        let digest =
            Digest::of_json(&form).map_err(|error| Problem::new("document-form", "", error.to_string()))?;
        Contract::agreed(form, digest)
    }

    /// Agrees a contract as it was stored.
    ///
    /// # Errors
    /// Another payload.
    pub fn stored(payload: &[u8]) -> Result<Contract, Problems> {
        let form = serde_json::from_slice(payload::document(payload));
        let form = form.map_err(|error| Problem::new("document-form", "", error.to_string()))?;
        Contract::agreed(form, Digest::of(payload))
    }

    /// The contract under a salt, and the payload that its digest is of from now on.
    ///
    /// # Errors
    /// A contract that has no canonical form.
    pub fn sealed(mut self, salt: Option<Salt>) -> Result<(Contract, Payload), NoCanonicalForm> {
        let payload = payload::payload(digest::canonical(&self.form())?, salt);
        self.digest = payload.0;
        Ok((self, payload))
    }

    fn agreed(form: ContractForm, digest: Digest) -> Result<Contract, Problems> {
        let ContractForm { contract: document, input } = form;
        let mut found = Vec::new();
        check_input(&document.spec, &input, &mut found);
        check_subject(&document.spec, &mut found);
        let Blueprint { plan, steps, acceptance, fallback } = match blueprint(&document, 1) {
            Ok(blueprint) => blueprint,
            Err(problems) => return Err(problems.and(found)),
        };
        Problems::check(found)?;
        let index =
            document.spec.steps.iter().enumerate().map(|(nth, step)| (step.id.clone(), nth)).collect();
        Ok(Contract { document, input: Arc::new(input), digest, plan, steps, index, acceptance, fallback })
    }

    /// The contract as it was written.
    #[must_use]
    pub fn document(&self) -> &ContractDocument {
        &self.document
    }

    /// What is to be done.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.document.spec
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> &Arc<Value> {
        &self.input
    }

    /// The digest of document and input.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The order of the steps.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The steps as they were written.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The place of a step in the contract.
    #[must_use]
    pub fn index(&self, name: &StepName) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// What must hold at the end.
    #[must_use]
    pub fn acceptance(&self) -> &[Test] {
        &self.acceptance
    }

    /// The contract that is carried out instead when this one fails.
    #[must_use]
    pub fn fallback(&self) -> Option<&Nested> {
        self.fallback.as_ref()
    }

    /// Whom the work is about, as the input has it.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let written = self.document.spec.governance.subject.as_deref()?;
        match Reference::read(written) {
            Ok(Some(reference)) => match reference.follow(&self.input)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            _ => Some(written.to_owned()),
        }
    }

    /// What the digest covers, for storing.
    #[must_use]
    pub fn form(&self) -> ContractForm {
        ContractForm { contract: self.document.clone(), input: Value::clone(&self.input) }
    }
}

/// What a document says, whatever its input.
struct Blueprint {
    plan: Plan,
    steps: Vec<Step>,
    acceptance: Vec<Test>,
    fallback: Option<Nested>,
}

/// Checks a document that lies so deep within others; 1 is a contract that lies in none.
fn blueprint(document: &ContractDocument, depth: usize) -> Result<Blueprint, Problems> {
    let spec = &document.spec;
    let mut found = Vec::new();
    check_words(document, &mut found);
    let plan = match order(spec) {
        Ok(plan) => plan,
        Err(problems) => return Err(problems.and(found)),
    };
    let ancestors = plan.ancestors();
    let names: HashMap<&StepName, usize> =
        spec.steps.iter().enumerate().map(|(nth, step)| (&step.id, nth)).collect();
    let scope = Scope { spec, names: &names, ancestors: &ancestors };
    let steps = spec
        .steps
        .iter()
        .enumerate()
        .filter_map(|(nth, step)| scope.step(nth, step, depth, &mut found))
        .collect();
    let acceptance = scope.acceptance(&mut found);
    scope.output(&mut found);
    let nested =
        |nested: &NestedDocument| scope.nested(Sees::All, nested, "/spec/fallback", depth, &mut found);
    let fallback = spec.fallback.as_deref().and_then(nested);
    Problems::check(found)?;
    Ok(Blueprint { plan, steps, acceptance, fallback })
}

#[cfg(test)]
mod tests;
