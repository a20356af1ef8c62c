//! Nothing begins before what it needs is settled.

use std::collections::{BTreeMap, BTreeSet};

use concordat_model::agree::Contract;
use concordat_model::name::StepName;
use concordat_model::run::event::Event;
use concordat_model::work::Leg;

use super::told::{Life, Told};
use super::{Found, Rule};

/// Walks through every run once.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    for life in told.runs.values() {
        if let Some(contract) = &life.contract {
            needs(life, contract, found);
        } else {
            found.must(Rule::Order, false, || format!("the contract of {} is not there", life.id));
        }
    }
}

fn needs(life: &Life, contract: &Contract, found: &mut Found) {
    let mut settled: BTreeSet<&StepName> = BTreeSet::new();
    // Of a step that is done for each of several items, how many are not settled yet.
    let mut items: BTreeMap<&StepName, u32> = BTreeMap::new();
    let mut started = false;
    for (index, event) in &life.events {
        match event {
            Event::Started => started = true,
            Event::Reused { step, .. } => drop(settled.insert(step)),
            Event::Spread { step, count, .. } => {
                items.insert(step, *count);
                if *count == 0 {
                    settled.insert(step);
                }
            }
            Event::Skipped { step, .. } => drop(settled.insert(&step.name)),
            Event::Concluded { attempt, .. }
            | Event::Released { attempt, .. }
            | Event::Failed { attempt, tolerated: true, .. }
                if attempt.leg == Leg::Do =>
            {
                let left = items.entry(&attempt.step.name).or_insert(1);
                *left = left.saturating_sub(1);
                if *left == 0 {
                    settled.insert(&attempt.step.name);
                }
            }
            Event::Dispatched { attempt, .. }
            | Event::Recalled { attempt, .. }
            | Event::Delegated { attempt, .. }
            | Event::Listening { attempt, .. }
                if attempt.leg == Leg::Do =>
            {
                found.must(Rule::Order, started, || format!("{index}: {} had not started", life.id));
                let Some(place) = contract.index(&attempt.step.name) else {
                    found.must(Rule::Order, false, || format!("{index}: {} has no such step", life.id));
                    continue;
                };
                let names = contract.plan().needs(place).iter().filter_map(|one| contract.steps().get(*one));
                for need in names.map(|step| &step.document.id) {
                    found.must(Rule::Order, settled.contains(need), || {
                        format!("{index}: {} of {} began before {need}", attempt.step, life.id)
                    });
                }
            }
            _ => {}
        }
    }
}
