//! Attempts: counted without gaps, sent once, answered once, and no more of them than the contract says.

use std::collections::BTreeSet;

use concordat_model::contract::{EffectKind, FailureKind};
use concordat_model::digest::Digest;
use concordat_model::payload;
use concordat_model::run::event::{About, Attempt, Cause, Event, Reply, Verdict};
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;

use super::told::{Life, Told};
use super::{Found, Rule};

/// Looks at every run's attempts.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    for life in told.runs.values() {
        once(life, found);
        for ((step, leg), places) in life.legs() {
            counted(life, &step, leg, &places, found);
            if leg == Leg::Do && life.step(&step).is_some_and(|it| it.document.effect == EffectKind::Unsafe) {
                unsafe_again(life, &step, &places, found);
            }
        }
        failures(life, found);
        side_by_side(life, found);
        budget(life, found);
    }
    settled(told, found);
}

/// One intent and one outcome an attempt, and each after the other.
fn once(life: &Life, found: &mut Found) {
    let (mut sent, mut answered): (BTreeSet<&Attempt>, BTreeSet<&Attempt>) = Default::default();
    for (index, event) in &life.events {
        match event {
            Event::Dispatched { attempt, .. } => {
                found.must(Rule::Unique, sent.insert(attempt), || {
                    format!("{index}: a second dispatch of {attempt:?} of {}", life.id)
                });
            }
            Event::Answered { attempt, .. } => {
                found.must(Rule::Unique, answered.insert(attempt), || {
                    format!("{index}: a second answer to {attempt:?} of {}", life.id)
                });
                found.must(Rule::Unique, sent.contains(attempt), || {
                    format!("{index}: an answer to {attempt:?} of {}, which was not sent", life.id)
                });
            }
            _ => {}
        }
    }
}

/// Attempts are 1, 2, 3. What was recalled or carried out within counts, too.
fn counted(life: &Life, step: &StepId, leg: Leg, dispatches: &[usize], found: &mut Found) {
    let mut last = 0;
    for (index, event) in &life.events {
        let (Event::Dispatched { attempt, .. }
        | Event::Recalled { attempt, .. }
        | Event::Delegated { attempt, .. }) = event
        else {
            continue;
        };
        if attempt.step != *step || attempt.leg != leg {
            continue;
        }
        found.must(Rule::Keys, attempt.number == last + 1, || {
            format!("{index}: attempt {} of {step} of {} follows {last}", attempt.number, life.id)
        });
        last = attempt.number;
    }
    found.must(Rule::Keys, last >= u32::try_from(dispatches.len()).unwrap_or(u32::MAX), || {
        format!("{step} of {} was sent {} times in {last} attempts", life.id, dispatches.len())
    });
}

/// Unsafe work of which nobody knows whether it was done goes out again only when a person said so.
fn unsafe_again(life: &Life, step: &StepId, dispatches: &[usize], found: &mut Found) {
    for pair in dispatches.windows(2) {
        let between = life.events.get(pair[0]..pair[1]).unwrap_or_default();
        let unsure = between.iter().any(|(_, event)| match event {
            Event::Answered { attempt, reply, .. } if attempt.step == *step && attempt.leg == Leg::Do => {
                matches!(
                    reply,
                    Reply::Unknown { .. }
                        | Reply::Interrupted
                        | Reply::Failure { failure: FailureKind::Malformed, .. }
                )
            }
            _ => false,
        });
        let asked = between.iter().find_map(|(_, event)| match event {
            Event::ReviewOpened { review, about: About::Reconciliation { attempt }, .. }
                if attempt.step == *step =>
            {
                Some(*review)
            }
            _ => None,
        });
        let approved = between.iter().any(|(_, event)| {
            matches!(event, Event::ReviewAnswered { review, verdict: Verdict::Approve, .. } if Some(*review) == asked)
        });
        found.must(Rule::Keys, !unsure || approved, || {
            format!("the unsafe step {step} of {} went out again by itself", life.id)
        });
    }
}

/// Failures after which an attempt followed are no more than the contract allows. What Concordat interrupted is
/// nobody's failure.
fn failures(life: &Life, found: &mut Found) {
    for ((step, leg), places) in life.legs() {
        let Some(most) = life.step(&step).map(|it| it.document.retry.as_ref().map_or(0, |retry| retry.max))
        else {
            continue;
        };
        let approved = life.events.iter().filter(|(_, event)| {
            matches!(event, Event::ReviewOpened { about: About::Reconciliation { attempt }, .. } if attempt.step == step)
        });
        let failed = life.events.iter().filter(|(_, event)| match event {
            Event::Answered { attempt, reply, .. } if attempt.step == step && attempt.leg == leg => {
                match reply {
                    Reply::Output { misfits, .. } => !misfits.is_empty(),
                    Reply::Failure { .. } | Reply::Unknown { .. } => true,
                    Reply::Interrupted => false,
                }
            }
            _ => false,
        });
        let (failed, approved) = (failed.count(), approved.count());
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        // An undo is tried on by rules of its own.
        found.must(Rule::Bounds, leg == Leg::Undo || failed <= most.saturating_add(1 + approved), || {
            format!("{step} of {} failed {failed} times and was sent {} times", life.id, places.len())
        });
    }
}

/// No more items of a step are with agents at a time than it says.
fn side_by_side(life: &Life, found: &mut Found) {
    let mut with_agents: BTreeSet<&Attempt> = BTreeSet::new();
    for (index, event) in &life.events {
        match event {
            Event::Answered { attempt, .. } => {
                with_agents.remove(attempt);
            }
            Event::Dispatched { attempt, .. } => {
                with_agents.insert(attempt);
                let most = life.step(&attempt.step).and_then(|step| step.document.max_parallel);
                let now = with_agents.iter().filter(|one| one.step.name == attempt.step.name).count();
                let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
                found.must(Rule::Bounds, now <= most, || {
                    format!("{index}: {now} items of {} of {} at once", attempt.step.name, life.id)
                });
            }
            _ => {}
        }
    }
}

fn budget(life: &Life, found: &mut Found) {
    let Some(most) = life.contract.as_ref().and_then(|it| it.spec().budget.calls) else { return };
    let calls = life
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Dispatched { attempt, .. } if attempt.leg == Leg::Do));
    let calls = calls.count();
    found.must(Rule::Bounds, calls <= usize::try_from(most).unwrap_or(usize::MAX), || {
        format!("{} made {calls} calls of {most}", life.id)
    });
}

/// At rest, whatever was sent has an outcome, and every result came from a call.
fn settled(told: &Told<'_>, found: &mut Found) {
    let given: BTreeSet<(&str, &str)> = told
        .history
        .calls
        .iter()
        .filter_map(|call| Some((call.decision_id.as_str(), call.output_sha256.as_deref()?)))
        .collect();
    for (decision, intent) in &told.intents {
        match &intent.answer {
            None => {
                let at_once = told.runs.get(&intent.run).and_then(|life| {
                    life.first(|event| matches!(event, Event::Closing { cause } if Cause::is_at_once(cause)))
                });
                found.must(Rule::Settled, at_once.is_some(), || {
                    format!("{:?} of {} has no outcome", intent.attempt, intent.run)
                });
            }
            Some((index, Reply::Output { output, .. })) => {
                // Agents know nothing of the salt that stands behind what is stored.
                let stored = told.history.log.payloads.get(output);
                let output = stored.map(|stored| Digest::of(payload::document(stored)).to_string());
                let answered =
                    output.is_some_and(|output| given.contains(&(decision.as_str(), output.as_str())));
                found.must(Rule::Settled, answered, || {
                    format!("{index}: no agent gave this result of {:?} of {}", intent.attempt, intent.run)
                });
            }
            Some(_) => {}
        }
    }
}
