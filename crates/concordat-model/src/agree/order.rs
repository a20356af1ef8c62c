//! The order of the steps: what each needs, and a plan without cycles.

use std::collections::HashMap;

use super::{MAX_NEEDS, MAX_STEPS};
use crate::contract::{Order, Spec, StepDocument};
use crate::name::StepName;
use crate::plan::Plan;
use crate::problem::{Problem, Problems};

/// The plan over the steps' needs; a sequential contract's steps each need the one before.
pub(super) fn order(spec: &Spec) -> Result<Plan, Problems> {
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
    let choices = choices(spec);
    let mut needs = Vec::with_capacity(spec.steps.len());
    for (nth, step) in spec.steps.iter().enumerate() {
        needs.push(needs_of(spec, nth, step, &names, &choices, &mut found));
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
    choices: &HashMap<&StepName, Vec<usize>>,
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
    for choice in choices.get(&step.id).into_iter().flatten() {
        if !needs.contains(choice) {
            needs.push(*choice);
        }
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

/// For each step that a choice leads to, the choices that do: it needs them without saying so.
fn choices(spec: &Spec) -> HashMap<&StepName, Vec<usize>> {
    let mut choices: HashMap<&StepName, Vec<usize>> = HashMap::new();
    for (nth, step) in spec.steps.iter().enumerate() {
        for branch in step.one_of.iter().flatten() {
            choices.entry(&branch.then).or_default().push(nth);
        }
    }
    choices
}

pub(super) fn unknown_step(pointer: String, name: &StepName, names: &HashMap<&StepName, usize>) -> Problem {
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
