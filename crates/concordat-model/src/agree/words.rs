//! The words and sizes of a contract: sentences, labels, and what has a limit.

use super::{MAX_SENTENCE, MAX_SENTENCES};
use crate::contract::{ContractDocument, EffectKind, FailureKind, Spec, StepDocument};
use crate::problem::Problem;
use crate::reference::{Reference, Source};
use crate::schema::Schema;
use serde_json::Value;

/// The longest name of somebody whom the work is about, in bytes.
const LONGEST_SUBJECT: usize = 256;

pub(super) fn check_words(document: &ContractDocument, found: &mut Vec<Problem>) {
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

pub(super) fn check_input(spec: &Spec, input: &Value, found: &mut Vec<Problem>) {
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

/// Whom the work is about must be known before it begins.
pub(super) fn check_subject(spec: &Spec, found: &mut Vec<Problem>) {
    let Some(subject) = &spec.governance.subject else { return };
    let fine = match Reference::read(subject) {
        Ok(Some(reference)) => reference.source == Source::Input,
        Ok(None) => (1..=LONGEST_SUBJECT).contains(&subject.len()),
        Err(_) => false,
    };
    if !fine {
        let message = format!(
            "`subject` is a reference such as `${{input.applicant_id}}`, or 1 to {LONGEST_SUBJECT} bytes of text"
        );
        found.push(Problem::new("contract-subject", "/spec/governance/subject", message));
    }
}

pub(super) fn check_retry(step: &StepDocument, at: &str, found: &mut Vec<Problem>) {
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
