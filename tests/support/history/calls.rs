//! What reached agents: permitted and recorded before, and exactly what was decided.

use std::collections::{BTreeMap, BTreeSet};

use concordat::demo::agents::Entry;
use concordat_model::decision::Gate;
use concordat_model::digest::Digest;
use concordat_model::payload;
use concordat_model::run::event::{Cause, Event};
use concordat_model::work::{Leg, idempotency_key};
use serde::Serialize;
use serde_json::Value;

use super::told::{Intent, Told};
use super::{Found, Rule};

/// Looks at every line of the agents' ledgers.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    let mut sent: BTreeSet<&str> = BTreeSet::new();
    let mut keys: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut applied: BTreeSet<(&str, &str)> = BTreeSet::new();
    for call in &told.history.calls {
        let Some(intent) = told.intents.get(&call.decision_id) else {
            found.must(Rule::Permitted, false, || format!("{}: no such intent in the log", named(call)));
            continue;
        };
        permitted(told, call, intent, found);
        same(told, call, intent, found);
        stopped(told, call, intent, found);
        found.must(Rule::Keys, sent.insert(&call.decision_id), || {
            format!("{}: sent twice under one decision", named(call))
        });
        let key = idempotency_key(intent.run, &intent.attempt);
        found.must(Rule::Keys, call.idempotency_key == key, || {
            format!("{}: the key is {}", named(call), call.idempotency_key)
        });
        let owner = keys.entry(&call.idempotency_key).or_insert((&call.run, &call.step));
        found.must(Rule::Keys, *owner == (&call.run, &call.step), || {
            format!("{}: its key is that of {owner:?}", named(call))
        });
        let first = !call.applied || applied.insert((call.agent, &call.idempotency_key));
        found.must(Rule::Once, first, || format!("{}: applied twice", named(call)));
    }
}

fn permitted(told: &Told<'_>, call: &Entry, intent: &Intent, found: &mut Found) {
    let permit = told.decisions.get(&call.decision_id);
    let permits = permit.is_some_and(|permit| {
        permit.gate == Gate::Dispatch && permit.permits && permit.permitted.contains(&intent.agent)
    });
    found.must(Rule::Permitted, permits, || format!("{}: not permitted", named(call)));
    found.must(Rule::Permitted, permit.is_some_and(|permit| permit.index < intent.index), || {
        format!("{}: permitted only after its intent", named(call))
    });
    let size: u64 = call.log_size.parse().unwrap_or(0);
    found.must(Rule::Permitted, intent.index < size, || {
        format!("{}: the intent was not durable when it was sent", named(call))
    });
    let records = u64::try_from(told.history.log.records.len()).unwrap_or(u64::MAX);
    found.must(Rule::Permitted, size <= records, || format!("{}: the log never was so long", named(call)));
}

/// What the agent was sent, in the order in which it is written.
#[derive(Serialize)]
struct Body<'a> {
    jsonrpc: &'static str,
    method: &'a str,
    params: Value,
    id: &'a str,
}

fn same(told: &Told<'_>, call: &Entry, intent: &Intent, found: &mut Found) {
    let Intent { run, attempt, agent_name, skill, params, .. } = intent;
    let decided = [run.to_string(), attempt.step.to_string(), attempt.number.to_string(), agent_name.clone()];
    let came = [call.run.as_str(), &call.step, &call.attempt, call.agent];
    found.must(Rule::Same, decided == came && *skill == call.skill, || {
        format!("{}: decided was {skill} as {decided:?}", named(call))
    });
    let params = told
        .history
        .log
        .payloads
        .get(params)
        .and_then(|bytes| serde_json::from_slice(payload::document(bytes)).ok());
    let body = params.map(|params| Body { jsonrpc: "2.0", method: skill, params, id: &call.decision_id });
    let digest =
        body.and_then(|body| serde_json::to_vec(&body).ok()).map(|body| Digest::of(&body).to_string());
    found.must(Rule::Same, digest.as_ref() == Some(&call.body_sha256), || {
        format!("{}: the body is not what was decided", named(call))
    });
}

/// Nothing is sent after what forbids it.
fn stopped(told: &Told<'_>, call: &Entry, intent: &Intent, found: &mut Found) {
    let Some(life) = told.runs.get(&intent.run) else { return };
    let size: u64 = call.log_size.parse().unwrap_or(u64::MAX);
    let closed = life.events.iter().find_map(|(index, event)| match event {
        Event::Ended { .. } => Some((*index, true)),
        Event::Closing { cause } if intent.attempt.leg == Leg::Do => {
            Some((*index, !matches!(cause, Cause::StepFailed { .. })))
        }
        _ => None,
    });
    // A turn may give out one step and then learn that another cannot be done. What comes from outside is taken in
    // before anything is given out, and a run's next turn begins when the one before is durable: then no batch holds
    // both.
    let before =
        |(closed, from_outside): (u64, bool)| intent.index < closed && (!from_outside || size <= closed);
    found.must(Rule::Stopped, closed.is_none_or(before), || {
        format!("{}: sent at {size}, after its end at {closed:?}", named(call))
    });
    let paused = life.events.iter().rev().filter(|(index, _)| *index < intent.index);
    let paused = paused
        .map(|(_, event)| event)
        .find(|event| matches!(event, Event::Paused { .. } | Event::Resumed { .. } | Event::Closing { .. }));
    found.must(Rule::Stopped, !matches!(paused, Some(Event::Paused { .. })), || {
        format!("{}: sent while the run was paused", named(call))
    });
    let standing = told.standings.get(&intent.agent).into_iter().flatten();
    let standing = standing.take_while(|(index, _)| *index < intent.index).last();
    found.must(Rule::Stopped, standing.is_some_and(|(_, eligible)| *eligible), || {
        format!("{}: the agent was not registered, or suspended", named(call))
    });
}

fn named(call: &Entry) -> String {
    let Entry { agent, step, attempt, run, decision_id, .. } = call;
    format!("{agent} got call {attempt} for {step} of {run} under {decision_id}")
}
