//! The account of invented runs, as a table.

use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::run::event::Ending;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn agent(nth: u128) -> String {
    AgentId::new(Uuid::from_u128(nth)).to_string()
}

fn event(value: serde_json::Value) -> Event {
    serde_json::from_value(value).unwrap()
}

/// A dispatch of `step` to the first agent: permitted ones with their draws, and those kept out with a code.
fn dispatched(
    step: &str,
    leg: &str,
    number: u32,
    drawn: &[(u128, u16)],
    kept_out: &[(u128, &str)],
) -> [Event; 2] {
    let digest = Digest::of(b"x").to_string();
    let decision = DecisionId::new(Uuid::from_u128(7)).to_string();
    let attempt = json!({"step": step, "leg": leg, "number": number});
    let excluded: serde_json::Map<String, serde_json::Value> =
        kept_out.iter().map(|(nth, why)| (agent(*nth), json!([{"code": "c", "message": why}]))).collect();
    let draws: Vec<_> =
        drawn.iter().map(|(nth, drawn)| json!({"agent": agent(*nth), "drawn": drawn})).collect();
    let permitted: Vec<_> = drawn.iter().map(|(nth, _)| agent(*nth)).collect();
    [
        event(json!({
            "event": "decided", "attempt": attempt,
            "decision": {
                "id": decision, "gate": "dispatch", "answer": {"kind": "permit"}, "permitted": permitted,
                "excluded": excluded, "provenance": {"policy": digest, "input": digest, "evaluator": "e"},
            },
        })),
        event(json!({
            "event": "dispatched", "attempt": attempt, "agent": agent(drawn[0].0), "agent_name": format!("agent-{}", drawn[0].0),
            "revision": digest, "skill": "k", "decision": decision, "params": digest, "draws": draws,
        })),
    ]
}

fn released(step: &str, leg: &str) -> Event {
    let decision = DecisionId::new(Uuid::from_u128(7)).to_string();
    event(
        json!({"event": "released", "attempt": {"step": step, "leg": leg, "number": 1}, "decision": decision}),
    )
}

fn failed_with(step: &str, code: &str) -> Event {
    let attempt = json!({"step": step, "leg": "do", "number": 1});
    event(
        json!({"event": "failed", "attempt": attempt, "error": {"code": code, "message": "it broke"}, "tolerated": false}),
    )
}

fn run(events: impl IntoIterator<Item = Event>) -> (SeenRun, Seen) {
    let events = (0..).zip(events).collect();
    let run = SeenRun {
        run: String::new(),
        label: String::new(),
        status: String::new(),
        domain: None,
        output: None,
        events,
    };
    let agents = (1..=3).map(|nth| (agent(nth), format!("agent-{nth}"))).collect();
    (run, Seen { agents, ..Seen::default() })
}

#[track_caller]
fn check(events: Vec<Event>, wanted: &[[&str; 4]]) {
    let (run, seen) = run(events);
    assert_eq!(rows(&run, &seen), wanted.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>());
}

#[test]
fn each_step_is_told_in_a_line() {
    check(
        [dispatched("a", "do", 1, &[(1, 8000)], &[]).to_vec(), vec![released("a", "do")]].concat(),
        &[["a", "agent-1", "done", "nobody else offers it"]],
    );
    check(
        [dispatched("a", "do", 2, &[(1, 8000)], &[(2, "no")]).to_vec(), vec![released("a", "do")]].concat(),
        &[["a", "agent-1", "done, try 2", "the only one permitted"]],
    );
    check(
        [
            dispatched("a", "do", 1, &[(1, 8150), (2, 6420)], &[]).to_vec(),
            vec![failed_with("a", "agent-error")],
        ]
        .concat(),
        &[["a", "agent-1", "failed: it broke", "drew highest: agent-1 81, agent-2 64"]],
    );
    check(
        vec![event(json!({"event": "skipped", "step": "a", "because": "condition_false"}))],
        &[["a", "–", "skipped: its condition does not hold", "–"]],
    );
    check(
        vec![failed_with("a", "policy-denied")],
        &[["a", "–", "refused by policy: nobody was called", "–"]],
    );
}

#[test]
fn what_was_undone_says_by_whom() {
    let done = [dispatched("a", "do", 1, &[(1, 8000)], &[]).to_vec(), vec![released("a", "do")]].concat();
    let undone =
        [dispatched("a", "undo", 1, &[(2, 8000)], &[]).to_vec(), vec![released("a", "undo")]].concat();
    check(
        [done, undone].concat(),
        &[["a", "agent-1", "done, then undone by agent-2", "nobody else offers it"]],
    );
}

#[test]
fn who_was_kept_out_of_several_steps_is_told_once() {
    let events = [
        dispatched("a", "do", 1, &[(1, 8000)], &[(2, "it is slow"), (3, "it is new")]),
        dispatched("b", "do", 1, &[(1, 8000)], &[(2, "it is slow")]),
    ];
    let (run, seen) = run(events.into_iter().flatten());
    let told: Vec<String> = kept_out(&run, &seen)
        .into_iter()
        .map(|KeptOut { agent, steps, why }| format!("{agent} for {}: {}", steps.join(", "), why.join("; ")))
        .collect();
    assert_eq!(told, ["agent-2 for a, b: it is slow", "agent-3 for a: it is new"]);
}

#[test]
fn a_refusal_says_the_way_out() {
    let digest = Digest::of(b"x").to_string();
    let decided = |attempt: serde_json::Value, kind: &str| {
        event(json!({
            "event": "decided", "attempt": attempt,
            "decision": {
                "id": DecisionId::new(Uuid::from_u128(7)).to_string(), "gate": "admit",
                "answer": {"kind": kind, "reasons": [{"code": "c", "message": "it is late", "fix": "come earlier"}]},
                "provenance": {"policy": digest, "input": digest, "evaluator": "e"},
            },
        }))
    };
    let step = json!({"step": "a", "leg": "do", "number": 1});
    let (run, _) = run([
        decided(json!(null), "review"),
        decided(step, "deny"),
        event(json!({"event": "ended", "ending": Ending::Stopped { undone: vec![], not_undone: vec![] }})),
    ]);
    let lines = vec!["it is late".to_owned(), "way out: come earlier".to_owned()];
    let wanted = ["policy asks a person about the contract", "policy refuses `a`"];
    assert_eq!(refusals(&run), wanted.map(|head| (head.to_owned(), lines.clone())));
}
