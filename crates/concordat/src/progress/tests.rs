use serde_json::{Value, json};

use super::*;

const AGENT: &str = "agt_00000000000000000000000001";
const DECISION: &str = "dec_00000000000000000000000002";
const REVIEW: &str = "rev_00000000000000000000000003";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn told(data: Value) -> Told {
    Told { kind: "x".to_owned(), time: "2026-01-31T12:34:56.000001Z".to_owned(), data }
}

fn attempt(step: &str, leg: &str, number: u32) -> Value {
    json!({"step": step, "leg": leg, "number": number})
}

fn sent(step: &str, leg: &str, number: u32) -> Value {
    json!({
        "event": "dispatched", "attempt": attempt(step, leg, number), "agent": AGENT, "agent_name": "desk",
        "revision": DIGEST, "skill": "assess_risk", "decision": DECISION, "params": DIGEST, "draws": [],
    })
}

/// The sentences of these events, and the view after the last of them.
fn watch(events: Vec<Value>) -> String {
    let mut progress = Progress::new("loan", ["credit", "risk"].map(str::to_owned));
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        let told = told(event);
        assert!(told.event().is_some(), "not an event: {}", told.data);
        lines.push(progress.apply(&told).unwrap_or_else(|| "(nothing)".to_owned()));
    }
    lines.push("--".to_owned());
    lines.extend(progress.lines());
    lines.push(format!("-- ended: {}", progress.ended()));
    lines.join("\n")
}

fn answered(step: &str, leg: &str) -> Value {
    let reply = json!({"kind": "output", "output": DIGEST, "bytes": 7, "checked": true});
    json!({"event": "answered", "attempt": attempt(step, leg, 1), "reply": reply, "latency_ms": 12})
}

fn released(step: &str, leg: &str) -> Value {
    json!({"event": "released", "attempt": attempt(step, leg, 1), "decision": DECISION})
}

#[test]
fn a_contract_that_completes() {
    let permit = json!({
        "id": DECISION, "gate": "admit", "answer": {"kind": "permit"},
        "provenance": {"policy": DIGEST, "input": DIGEST, "evaluator": "regorus"},
    });
    insta::assert_snapshot!(watch(vec![
        json!({"event": "decided", "decision": permit}),
        json!({"event": "started"}),
        sent("credit", "do", 1),
        answered("credit", "do"),
        released("credit", "do"),
        json!({"event": "skipped", "step": "risk", "because": "condition_false"}),
        json!({"event": "ended", "ending": {"kind": "completed", "output": DIGEST}}),
    ]));
}

#[test]
fn a_contract_that_is_undone() {
    let failure = json!({"kind": "failure", "failure": "failed", "code": "agent-error", "message": "no \u{1b}[31m desk"});
    insta::assert_snapshot!(watch(vec![
        sent("credit", "do", 1),
        released("credit", "do"),
        sent("risk", "do", 2),
        json!({"event": "answered", "attempt": attempt("risk", "do", 2), "reply": failure, "latency_ms": 1}),
        json!({"event": "retrying", "attempt": attempt("risk", "do", 3), "at": "2026-01-31T12:34:57Z"}),
        json!({"event": "failed", "attempt": attempt("risk", "do", 3), "tolerated": false,
            "error": {"code": "agent-error", "message": "no desk"}}),
        json!({"event": "closing", "cause": {"kind": "step_failed", "step": "risk", "compensate": true}}),
        json!({"event": "undoing", "steps": ["credit"]}),
        sent("credit", "undo", 1),
        released("credit", "undo"),
        json!({"event": "ended", "ending": {"kind": "stopped", "undone": ["credit"], "not_undone": []}}),
    ]));
}

#[test]
fn a_contract_that_waits_for_people_and_is_denied() {
    let deny = json!({
        "id": DECISION, "gate": "admit",
        "answer": {"kind": "deny", "reasons": [{"code": "budget", "message": "the budget is too small"}]},
        "provenance": {"policy": DIGEST, "input": DIGEST, "evaluator": "regorus"},
    });
    insta::assert_snapshot!(watch(vec![
        json!({"event": "review_opened", "review": REVIEW, "about": {"kind": "admission"}, "payload": DIGEST,
            "expires": "2026-01-31T13:00:00Z"}),
        json!({"event": "decided", "decision": deny}),
        json!({"event": "closing", "cause": {"kind": "denied", "decision": DECISION}}),
        json!({"event": "ended", "ending": {"kind": "stopped", "undone": [], "not_undone": []}}),
    ]));
}

#[test]
fn a_contract_of_every_shape() {
    const RUN: &str = "run_00000000000000000000000004";
    let concluded =
        |step: &str| json!({"event": "concluded", "attempt": attempt(step, "do", 1), "output": DIGEST});
    let failed = |step: &str| {
        json!({"event": "failed", "attempt": attempt(step, "do", 1), "tolerated": true,
            "error": {"code": "agent-error", "message": "no desk"}})
    };
    insta::assert_snapshot!(watch(vec![
        json!({"event": "received", "submission": "sub_00000000000000000000000005", "label": "loan", "name": "loan",
            "contract": DIGEST, "submitter": {"name": "sam", "tenant": "acme", "roles": []}, "access": DECISION,
            "origin": {"kind": "triggered", "trigger": "nightly", "occasion": "2026-01-31T02:00:00Z"}}),
        json!({"event": "started"}),
        json!({"event": "spread", "step": "credit", "items": DIGEST, "count": 3}),
        sent("credit[0]", "do", 1),
        released("credit[0]", "do"),
        failed("credit[1]"),
        concluded("credit[2]"),
        json!({"event": "paused", "by": "ann", "reason": "the shop is closed", "access": DECISION}),
        json!({"event": "resumed", "by": "ann", "reason": "open", "access": DECISION}),
        concluded("credit"),
        json!({"event": "listening", "attempt": attempt("paid", "do", 1), "expectation": DIGEST,
            "until": "2026-01-31T13:00:00Z"}),
        json!({"event": "heard", "attempt": attempt("paid", "do", 1), "heard": "evt_00000000000000000000000006",
            "content": DIGEST, "at": "2026-01-31T12:59:00Z"}),
        json!({"event": "delegated", "attempt": attempt("risk", "do", 1), "run": RUN, "allotted": {}}),
        json!({"event": "returned", "run": RUN, "used": {"calls": 2}}),
        json!({"event": "skipped", "step": "manual", "because": "not_chosen"}),
        json!({"event": "recalled", "attempt": attempt("again", "do", 1), "agent": AGENT, "decision": DECISION,
            "params": DIGEST, "output": DIGEST, "from": RUN}),
        json!({"event": "extended", "deadline": "2026-01-31T14:00:00Z", "by": "ann", "reason": "slow", "access": DECISION}),
        json!({"event": "fell_back", "run": RUN, "allotted": {}}),
        json!({"event": "closing", "cause": {"kind": "killed", "by": "ann", "reason": "stuck", "access": DECISION}}),
    ]));
}

#[test]
fn what_this_version_does_not_know_is_still_told() {
    let mut progress = Progress::new("loan", []);
    let odd = Told { kind: "step.danced".to_owned(), ..told(json!({"event": "danced"})) };
    assert_eq!(progress.apply(&odd).as_deref(), Some("step.danced (unknown to this version)"));
}
