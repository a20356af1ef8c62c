//! Each run as a whole: its path, its rest, its organisation, its row.

use std::collections::BTreeMap;

use concordat_engine::ports::RunRow;
use concordat_engine::{fold, row};
use concordat_model::id::RunId;
use concordat_model::run::event::{Cause, Event, Origin};

use super::told::{Life, Told};
use super::{Found, Rule};

/// Folds every run with the product's own transition table, and looks at what comes out.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    let shown: BTreeMap<RunId, &RunRow> = told.history.log.rows.iter().map(|row| (row.id, row)).collect();
    for life in told.runs.values() {
        ends(life, found);
        tenants(told, life, found);
        let run = match fold(&life.stored) {
            Ok(run) => run,
            Err(error) => {
                found.must(Rule::Path, false, || format!("{} does not fold: {error}", life.id));
                continue;
            }
        };
        let waits = !run.state.reviews.is_empty() || run.state.paused.is_some();
        found.must(Rule::Rest, run.state.is_ended() || waits, || {
            format!("{} is neither over nor waits for anybody", life.id)
        });
        found.must(Rule::Again, shown.get(&life.id) == Some(&&row(&run)), || {
            format!("the row of {} is not what its records say", life.id)
        });
    }
    for id in shown.keys() {
        found.must(Rule::Again, told.runs.contains_key(id), || format!("{id} has a row and no records"));
    }
}

fn ends(life: &Life, found: &mut Found) {
    let ends = life.events.iter().filter(|(_, event)| matches!(event, Event::Ended { .. })).count();
    found.must(Rule::Path, ends <= 1, || format!("{} ended {ends} times", life.id));
    let last = life.events.last().map(|(_, event)| event);
    found.must(Rule::Path, ends == 0 || matches!(last, Some(Event::Ended { .. })), || {
        format!("{} went on after its end", life.id)
    });
    let first = life.events.first().map(|(_, event)| event);
    found.must(Rule::Path, matches!(first, Some(Event::Received { .. })), || {
        format!("{} does not begin with its receipt", life.id)
    });
}

/// Whoever touches a run belongs to its organisation, and so does what it is part of or depends on.
fn tenants(told: &Told<'_>, life: &Life, found: &mut Found) {
    let Some((_, Event::Received { submitter, depends_on, origin, .. })) = life.events.first() else {
        return;
    };
    let others = life.events.iter().filter_map(|(_, event)| match event {
        Event::Delegated { run, .. } | Event::FellBack { run, .. } | Event::Returned { run, .. } => {
            Some(*run)
        }
        Event::Closing { cause: Cause::Around { run, .. } | Cause::Dependency { run } } => Some(*run),
        _ => None,
    });
    let around = match origin {
        Origin::Nested { run, .. } | Origin::Retried { run, .. } => Some(*run),
        Origin::Submitted | Origin::Triggered { .. } => None,
    };
    for other in others.chain(around).chain(depends_on.iter().copied()) {
        let theirs = told.runs.get(&other).and_then(|other| match other.events.first() {
            Some((_, Event::Received { submitter, .. })) => Some(&submitter.tenant),
            _ => None,
        });
        found.must(Rule::Tenant, theirs == Some(&submitter.tenant), || {
            format!("{} is of {}, and {other} of {theirs:?}", life.id, submitter.tenant)
        });
    }
    for (index, event) in &life.events {
        if let Event::ReviewAnswered { by, .. } = event {
            found.must(Rule::Tenant, by.tenant == submitter.tenant, || {
                format!("{index}: {} of {} answered a review of {}", by.name, by.tenant, life.id)
            });
        }
    }
}
