//! What a step may read: references and conditions, each from its place in the plan.

use std::collections::HashMap;

use serde_json::Value;

use super::order::unknown_step;
use crate::condition::{Condition, Test};
use crate::contract::{Order, Spec};
use crate::name::StepName;
use crate::plan::Ancestors;
use crate::problem::Problem;
use crate::reference::{Reference, Source, references_in};

/// Where a reference stands, which says what it may see.
#[derive(Clone, Copy)]
pub(super) enum Sees {
    /// The steps before this one: whether, and for which items, it is done.
    Before(usize),
    /// The steps before this one, and its item: what it is given.
    Given(usize),
    /// The steps before this one, its item, and its own output: an undo.
    UpTo(usize),
    /// Every step: what is read at the end.
    All,
}

pub(super) struct Scope<'a> {
    pub(super) spec: &'a Spec,
    pub(super) names: &'a HashMap<&'a StepName, usize>,
    pub(super) ancestors: &'a Ancestors<'a>,
}

impl Scope<'_> {
    pub(super) fn acceptance(&self, found: &mut Vec<Problem>) -> Vec<Test> {
        let conditions = self.spec.acceptance.iter().enumerate();
        conditions
            .filter_map(|(nth, one)| self.condition(one, format!("/spec/acceptance/{nth}"), Sees::All, found))
            .collect()
    }

    pub(super) fn output(&self, found: &mut Vec<Problem>) {
        if let Some(output) = &self.spec.output {
            self.template(output, "/spec/output", Sees::All, found);
        }
    }

    pub(super) fn condition(
        &self,
        condition: &Condition,
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

    pub(super) fn template(
        &self,
        template: &Value,
        at: &str,
        sees: Sees,
        found: &mut Vec<Problem>,
    ) -> Vec<Reference> {
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
        let each = |nth: usize| self.spec.steps.get(nth).is_some_and(|step| step.for_each.is_some());
        match &reference.source {
            Source::Input => None,
            Source::Event => {
                Some(Problem::new("reference-invalid", at, format!("`{reference}` has a meaning only in triggers")))
            }
            Source::Item => match sees {
                Sees::Given(nth) | Sees::UpTo(nth) if each(nth) => None,
                _ => Some(
                    Problem::new("reference-invalid", at, format!("`{reference}` has no item here"))
                        .hint("`${item}` works in what a step with `forEach` is given, and in its `compensate`"),
                ),
            },
            Source::Previous => match sees {
                Sees::Before(nth) | Sees::Given(nth) | Sees::UpTo(nth)
                    if self.spec.order == Order::Sequential && nth > 0 =>
                {
                    None
                }
                _ => Some(
                    Problem::new("reference-invalid", at, format!("`{reference}` has no step before it"))
                        .hint("`${previous}` works in the second and later steps of a contract with `order: sequential`"),
                ),
            },
            Source::Step(name) | Source::Status(name) | Source::Error(name) => {
                let Some(step) = self.names.get(name) else { return Some(unknown_step(at, name, self.names)) };
                let own = matches!(sees, Sees::UpTo(nth) if nth == *step);
                let (Sees::Before(nth) | Sees::Given(nth) | Sees::UpTo(nth)) = sees else { return None };
                if own || self.ancestors.before(*step, nth) {
                    return None;
                }
                let problem =
                    Problem::new("reference-invalid", at, format!("`{reference}` reads a step that need not be done by then"));
                // A step that comes later cannot be needed: that would be a cycle.
                if self.ancestors.before(nth, *step) || nth == *step {
                    return Some(problem);
                }
                Some(problem.hint(format!("add `{name}` to this step's `needs`")))
            }
        }
    }

    pub(super) fn taints(&self, nth: usize, references: &[Reference]) -> Vec<StepName> {
        let mut steps: Vec<StepName> = references
            .iter()
            .filter_map(|reference| match &reference.source {
                Source::Input => None,
                Source::Step(name) | Source::Status(name) | Source::Error(name) => Some(name.clone()),
                // An item comes from wherever the list came from, which is looked at with the list.
                Source::Item | Source::Event => None,
                Source::Previous => self.spec.steps.get(nth.checked_sub(1)?).map(|step| step.id.clone()),
            })
            .collect();
        steps.sort();
        steps.dedup();
        steps
    }
}
