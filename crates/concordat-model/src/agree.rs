//! From a document to a contract: everything that must hold before anybody is asked anything.
//!
//! A `Contract` exists only agreed: its steps are ordered, its references lead somewhere, its schemas compile,
//! its input fits. Whether it may run is another question, and not asked here.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::condition::Test;
use crate::contract::{
    ContractDocument, EffectKind, FailureKind, OnError, OnFailure, Order, Spec, StepDocument,
};
use crate::digest::Digest;
use crate::name::StepName;
use crate::plan::{Ancestors, Plan};
use crate::problem::{Problem, Problems};
use crate::reference::{Reference, Source, references_in};
use crate::schema::Schema;
use crate::span::Span;

/// The most steps of a contract.
pub const MAX_STEPS: usize = 1000;
/// The most steps that one step may need.
pub const MAX_NEEDS: usize = 64;
/// The longest objective and requirement, in characters.
pub const MAX_SENTENCE: usize = 2000;
/// The most requirements and acceptance conditions.
pub const MAX_SENTENCES: usize = 100;
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
}

/// One step of an agreed contract.
#[derive(Debug, Clone)]
pub struct Step {
    /// The step as it was written.
    pub document: StepDocument,
    /// The step is skipped unless this holds.
    pub when: Option<Test>,
    /// What the agent is given must fit this.
    pub input: Option<Schema>,
    /// What the agent answers must fit this.
    pub output: Option<Schema>,
    /// The steps whose output reaches this step's parameters.
    pub tainted_by: Vec<StepName>,
    /// What happens when the step fails for good.
    pub on_error: OnError,
    /// How long one attempt may take.
    pub timeout: Span,
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
        let ContractForm { contract: document, input } = form;
        let spec = &document.spec;
        let mut found = Vec::new();
        check_words(&document, &mut found);
        check_input(spec, &input, &mut found);
        let plan = order(spec)?;
        let ancestors = plan.ancestors();
        let names: HashMap<&StepName, usize> =
            spec.steps.iter().enumerate().map(|(nth, step)| (&step.id, nth)).collect();
        let scope = Scope { spec, names: &names, ancestors: &ancestors };
        let steps =
            spec.steps.iter().enumerate().map(|(nth, step)| scope.step(nth, step, &mut found)).collect();
        let acceptance = scope.acceptance(&mut found);
        scope.output(&mut found);
        Problems::check(found)?;
        let index = spec.steps.iter().enumerate().map(|(nth, step)| (step.id.clone(), nth)).collect();
        Ok(Contract { document, input: Arc::new(input), digest, plan, steps, index, acceptance })
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

    /// What the digest covers, for storing.
    #[must_use]
    pub fn form(&self) -> ContractForm {
        ContractForm { contract: self.document.clone(), input: Value::clone(&self.input) }
    }
}

fn check_words(document: &ContractDocument, found: &mut Vec<Problem>) {
    let spec = &document.spec;
    let mut sentence = |pointer: String, text: &str| {
        let length = text.chars().count();
        if text.trim().is_empty() || length > MAX_SENTENCE {
            let message = format!("a sentence has 1 to {MAX_SENTENCE} characters, not {length}");
            found.push(Problem::new("contract-words", pointer, message));
        }
    };
    sentence("/spec/objective".to_owned(), &spec.objective);
    for (nth, requirement) in spec.requirements.iter().take(MAX_SENTENCES).enumerate() {
        sentence(format!("/spec/requirements/{nth}"), requirement);
    }
    let labels = &document.metadata.labels;
    let version = document.metadata.version.as_deref().unwrap_or("1");
    for (fine, pointer, message) in [
        (
            spec.requirements.len() <= MAX_SENTENCES,
            "/spec/requirements",
            format!("there are at most {MAX_SENTENCES} requirements"),
        ),
        (
            spec.acceptance.len() <= MAX_SENTENCES,
            "/spec/acceptance",
            format!("there are at most {MAX_SENTENCES} conditions"),
        ),
        (
            labels.len() <= 32 && labels.iter().all(|(name, text)| name.len() <= 64 && text.len() <= 128),
            "/metadata/labels",
            "there are at most 32 labels, with names of at most 64 and texts of at most 128 bytes".to_owned(),
        ),
        (
            (1..=64).contains(&version.len()),
            "/metadata/version",
            "a version has 1 to 64 characters".to_owned(),
        ),
        (spec.budget.calls != Some(0), "/spec/budget/calls", "a budget allows at least one call".to_owned()),
    ] {
        if !fine {
            found.push(Problem::new("contract-size", pointer, message));
        }
    }
}

fn check_input(spec: &Spec, input: &Value, found: &mut Vec<Problem>) {
    let Some(schema) = &spec.inputs else { return };
    match Schema::compile(schema) {
        Err(error) => found.push(Problem::new("schema-invalid", "/spec/inputs", error.to_string())),
        Ok(schema) => found.extend(schema.misfits(input).into_iter().map(|misfit| {
            Problem::new(
                "input-misfit",
                format!("/input{}", misfit.pointer),
                format!("the input does not fit: {}", misfit.message),
            )
        })),
    }
}

/// The plan over the steps' needs; a sequential contract's steps each need the one before.
fn order(spec: &Spec) -> Result<Plan, Problems> {
    if spec.steps.is_empty() || spec.steps.len() > MAX_STEPS {
        let message = format!("a contract has 1 to {MAX_STEPS} steps, not {}", spec.steps.len());
        return Err(Problem::new("contract-size", "/spec/steps", message).into());
    }
    let mut found = Vec::new();
    let mut names = HashMap::new();
    for (nth, step) in spec.steps.iter().enumerate() {
        if names.insert(&step.id, nth).is_some() {
            let message = format!("two steps are called `{}`", step.id);
            found.push(Problem::new("step-twice", format!("/spec/steps/{nth}/id"), message));
        }
    }
    let mut needs = Vec::with_capacity(spec.steps.len());
    for (nth, step) in spec.steps.iter().enumerate() {
        needs.push(needs_of(spec, nth, step, &names, &mut found));
    }
    Problems::check(found)?;
    Plan::order(needs).map_err(|cycle| {
        let name = |nth: &usize| spec.steps.get(*nth).map_or("?", |step| step.id.as_str());
        let path: Vec<&str> = cycle.path.iter().map(name).collect();
        let at = cycle.path.first().copied().unwrap_or(0);
        Problem::new(
            "plan-cycle",
            format!("/spec/steps/{at}/needs"),
            format!("the steps form a cycle: {}", path.join(" -> ")),
        )
        .hint("take one of these names out of `needs`")
        .into()
    })
}

fn needs_of(
    spec: &Spec,
    nth: usize,
    step: &StepDocument,
    names: &HashMap<&StepName, usize>,
    found: &mut Vec<Problem>,
) -> Vec<usize> {
    let at = format!("/spec/steps/{nth}/needs");
    if step.needs.len() > MAX_NEEDS {
        let message = format!("a step needs at most {MAX_NEEDS} others, not {}", step.needs.len());
        found.push(Problem::new("contract-size", at.clone(), message));
    }
    let mut needs = Vec::with_capacity(step.needs.len() + 1);
    if spec.order == Order::Sequential && nth > 0 {
        needs.push(nth - 1);
    }
    for (place, need) in step.needs.iter().enumerate() {
        match names.get(need) {
            Some(other) if needs.contains(other) => {}
            Some(other) => needs.push(*other),
            None => found.push(unknown_step(format!("{at}/{place}"), need, names)),
        }
    }
    needs
}

fn unknown_step(pointer: String, name: &StepName, names: &HashMap<&StepName, usize>) -> Problem {
    let problem = Problem::new("step-unknown", pointer, format!("there is no step `{name}`"));
    match nearest(name.as_str(), names.keys().map(|known| known.as_str())) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`needs` and references name the `id` of a step of this contract"),
    }
}

/// The known word that is most like this one, if any is like it at all.
fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    known
        .map(|other| (strsim::damerau_levenshtein(word, other), other))
        .filter(|(distance, _)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, other)| other)
}

/// Where a reference stands, which says what it may see.
#[derive(Clone, Copy)]
enum Sees {
    /// The steps before this one.
    Before(usize),
    /// The steps before this one, and its own output: an undo.
    UpTo(usize),
    /// Every step: what is read at the end.
    All,
}

struct Scope<'a> {
    spec: &'a Spec,
    names: &'a HashMap<&'a StepName, usize>,
    ancestors: &'a Ancestors,
}

impl Scope<'_> {
    fn step(&self, nth: usize, step: &StepDocument, found: &mut Vec<Problem>) -> Step {
        let at = format!("/spec/steps/{nth}");
        let when = step
            .when
            .as_ref()
            .and_then(|when| self.condition(when, format!("{at}/when"), Sees::Before(nth), found));
        let with = Value::Object(step.with.clone());
        let references = self.template(&with, &format!("{at}/with"), Sees::Before(nth), found);
        if let Some(undo) = &step.compensate {
            let with = Value::Object(undo.with.clone());
            self.template(&with, &format!("{at}/compensate/with"), Sees::UpTo(nth), found);
        }
        check_retry(step, &at, found);
        let mut schema = |member: &str, schema: Option<&crate::contract::SchemaDocument>| {
            let schema = Schema::compile(&schema?.schema);
            schema
                .map_err(|error| {
                    found.push(Problem::new(
                        "schema-invalid",
                        format!("{at}/{member}/schema"),
                        error.to_string(),
                    ));
                })
                .ok()
        };
        Step {
            input: schema("input", step.input.as_ref()),
            output: schema("output", step.output.as_ref()),
            when,
            tainted_by: self.taints(nth, &references),
            on_error: step.on_error.unwrap_or(match self.spec.on_failure {
                OnFailure::Fail => OnError::Fail,
                OnFailure::Compensate => OnError::Compensate,
            }),
            timeout: step.timeout.unwrap_or(DEFAULT_TIMEOUT),
            document: step.clone(),
        }
    }

    fn acceptance(&self, found: &mut Vec<Problem>) -> Vec<Test> {
        let conditions = self.spec.acceptance.iter().enumerate();
        conditions
            .filter_map(|(nth, one)| self.condition(one, format!("/spec/acceptance/{nth}"), Sees::All, found))
            .collect()
    }

    fn output(&self, found: &mut Vec<Problem>) {
        if let Some(output) = &self.spec.output {
            self.template(output, "/spec/output", Sees::All, found);
        }
    }

    fn condition(
        &self,
        condition: &crate::condition::Condition,
        at: String,
        sees: Sees,
        found: &mut Vec<Problem>,
    ) -> Option<Test> {
        match condition.check() {
            Ok(test) => {
                found.extend(
                    test.references().into_iter().filter_map(|one| self.reference(one, at.clone(), sees)),
                );
                Some(test)
            }
            Err(bad) => {
                found.push(Problem::new("condition-invalid", at + &bad.pointer, bad.message));
                None
            }
        }
    }

    fn template(&self, template: &Value, at: &str, sees: Sees, found: &mut Vec<Problem>) -> Vec<Reference> {
        match references_in(template, at) {
            Err((pointer, bad)) => {
                found.push(Problem::new("reference-invalid", pointer, bad.to_string()));
                Vec::new()
            }
            Ok(references) => {
                found.extend(references.iter().filter_map(|(at, one)| self.reference(one, at.clone(), sees)));
                references.into_iter().map(|(_, one)| one).collect()
            }
        }
    }

    /// What is wrong with a reference that stands here.
    fn reference(&self, reference: &Reference, at: String, sees: Sees) -> Option<Problem> {
        match &reference.source {
            Source::Input => None,
            Source::Previous => match sees {
                Sees::Before(nth) | Sees::UpTo(nth) if self.spec.order == Order::Sequential && nth > 0 => None,
                _ => Some(
                    Problem::new("reference-invalid", at, format!("`{reference}` has no step before it"))
                        .hint("`${previous}` works in the second and later steps of a contract with `order: sequential`"),
                ),
            },
            Source::Step(name) => {
                let Some(step) = self.names.get(name) else { return Some(unknown_step(at, name, self.names)) };
                let seen = match sees {
                    Sees::All => true,
                    Sees::Before(nth) => self.ancestors.before(*step, nth),
                    Sees::UpTo(nth) => *step == nth || self.ancestors.before(*step, nth),
                };
                if seen {
                    return None;
                }
                let problem =
                    Problem::new("reference-invalid", at, format!("`{reference}` reads a step that need not be done by then"));
                Some(match sees {
                    // A step that comes later cannot be needed: that would be a cycle.
                    Sees::Before(nth) | Sees::UpTo(nth) if !self.ancestors.before(nth, *step) => {
                        problem.hint(format!("add `{name}` to this step's `needs`"))
                    }
                    _ => problem,
                })
            }
        }
    }

    fn taints(&self, nth: usize, references: &[Reference]) -> Vec<StepName> {
        let mut steps: Vec<StepName> = references
            .iter()
            .filter_map(|reference| match &reference.source {
                Source::Input => None,
                Source::Step(name) => Some(name.clone()),
                Source::Previous => self.spec.steps.get(nth.checked_sub(1)?).map(|step| step.id.clone()),
            })
            .collect();
        steps.sort();
        steps.dedup();
        steps
    }
}

fn check_retry(step: &StepDocument, at: &str, found: &mut Vec<Problem>) {
    let Some(retry) = &step.retry else { return };
    if !(1..=20).contains(&retry.max) {
        let message = format!("`max` lies between 1 and 20, not at {}", retry.max);
        found.push(Problem::new("retry-invalid", format!("{at}/retry/max"), message));
    }
    if retry.on.is_empty() {
        found.push(Problem::new(
            "retry-invalid",
            format!("{at}/retry/on"),
            "`on` names at least one kind of failure",
        ));
    }
    let unsure = [FailureKind::Timeout, FailureKind::Malformed];
    if step.effect == EffectKind::Unsafe && retry.on.iter().any(|kind| unsure.contains(kind)) {
        let message = "a step with `effect: unsafe` is not tried again after `timeout` or `malformed`: it may have been done";
        found.push(Problem::new("retry-invalid", format!("{at}/retry"), message).hint(
            "write `on: [unavailable]`, or `effect: idempotent` if doing it twice with one key does no harm",
        ));
    }
}

#[cfg(test)]
mod tests;
