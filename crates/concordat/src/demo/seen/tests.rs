//! One invented run, and everything that may be expected of it in vain.

use concordat_model::digest::Digest;
use concordat_model::document::{self, Notation};
use concordat_model::id::{AgentId, DecisionId};
use serde_json::json;
use uuid::Uuid;

use super::*;

fn event(value: Value) -> Event {
    serde_json::from_value(value).unwrap()
}

fn attempt(step: &str, leg: &str) -> Value {
    json!({"step": step, "leg": leg, "number": 1})
}

#[expect(clippy::needless_pass_by_value, reason = "a table is written with values")]
fn decided(gate: &str, step: Value, excluded: Value) -> Event {
    let digest = Digest::of(b"x").to_string();
    let provenance = json!({"policy": digest, "input": digest, "evaluator": "e"});
    let decision = json!({
        "id": DecisionId::new(Uuid::from_u128(7)).to_string(), "gate": gate, "answer": {"kind": "permit"},
        "excluded": excluded, "provenance": provenance,
    });
    event(json!({"event": "decided", "attempt": step, "decision": decision}))
}

fn dispatched(step: &str, leg: &str) -> Event {
    let digest = Digest::of(b"x").to_string();
    event(json!({
        "event": "dispatched", "attempt": attempt(step, leg), "agent": agent(), "agent_name": "slow-one",
        "revision": digest, "skill": "k", "decision": DecisionId::new(Uuid::from_u128(7)).to_string(),
        "params": digest, "draws": [],
    }))
}

fn released(step: &str, leg: &str) -> Event {
    let decision = DecisionId::new(Uuid::from_u128(7)).to_string();
    event(json!({"event": "released", "attempt": attempt(step, leg), "decision": decision}))
}

fn agent() -> String {
    AgentId::new(Uuid::from_u128(1)).to_string()
}

/// `credit` is done, `risk` follows and is done, `extra` is skipped, `approve` fails, and everything is undone.
fn seen() -> Seen {
    let kept_out = json!({agent(): [{"code": "trust_low", "message": "it is new"}]});
    let failure = json!({"code": "agent-error", "message": "it broke"});
    let events = [
        decided("admit", json!(null), json!({})),
        decided("dispatch", attempt("credit", "do"), kept_out),
        dispatched("credit", "do"),
        released("credit", "do"),
        dispatched("risk", "do"),
        released("risk", "do"),
        event(json!({"event": "skipped", "step": "extra", "because": "condition_false"})),
        event(
            json!({"event": "failed", "attempt": attempt("approve", "do"), "error": failure, "tolerated": false}),
        ),
        dispatched("risk", "undo"),
        released("risk", "undo"),
        dispatched("credit", "undo"),
        released("credit", "undo"),
        event(
            json!({"event": "ended", "ending": {"kind": "stopped", "undone": ["risk", "credit"], "not_undone": []}}),
        ),
    ];
    let run = SeenRun {
        run: "run_1".to_owned(),
        label: "loan".to_owned(),
        status: "undone".to_owned(),
        domain: Some("finance".to_owned()),
        output: None,
        events: (10..).zip(events).collect(),
    };
    Seen { problems: Vec::new(), runs: vec![run], agents: BTreeMap::from([(agent(), "slow-one".to_owned())]) }
}

fn expect(yaml: &str) -> Expect {
    document::read(yaml.as_bytes(), Notation::Yaml).unwrap()
}

#[test]
fn what_is_as_expected_is_not_told() {
    for yaml in [
        "domain: finance",
        "admission: permit",
        "status: undone",
        "contracts: {loan: undone}",
        "order: [credit < risk]",
        "skipped: [extra]",
        "undone: [risk, credit]",
        "failed: {approve: agent-error}",
        "passed_over: {slow-one: trust_low}",
    ] {
        assert_eq!(seen().differs(&expect(yaml)), Vec::<String>::new(), "{yaml}");
    }
}

#[test]
fn what_differs_is_told() {
    for (yaml, wanted) in [
        ("problems: [input-misfit]", "the problems are [] and not [\"input-misfit\"]"),
        ("domain: content", "the domain is \"finance\" and not \"content\""),
        ("admission: deny", "the admit gate answers Some(Permit) and not Some(Deny)"),
        ("codes: [skill_missing]", "the admit gate gives [], and not `skill_missing`"),
        ("status: completed", "the contract is \"undone\" and not \"completed\""),
        ("contracts: {house: completed}", "`house` is \"absent\" and not \"completed\""),
        ("order: [risk < credit]", "`risk < credit` does not hold: released at Some(15), given at Some(12)"),
        (
            "order: [credit < approve]",
            "`credit < approve` does not hold: released at Some(13), given at None",
        ),
        ("skipped: []", "what was skipped is [\"extra\"] and not []"),
        (
            "undone: [credit, risk]",
            "what was undone is [\"risk\", \"credit\"] and not [\"credit\", \"risk\"]",
        ),
        ("failed: {risk: agent-error}", "`risk` did not fail"),
        (
            "failed: {approve: policy-denied}",
            "`approve` failed with `agent-error` (it broke) and not with `policy-denied`",
        ),
        (
            "passed_over: {slow-one: agent_busy}",
            "`slow-one` was kept out for [\"trust_low\"], and not for `agent_busy`",
        ),
        ("output: {a: 1}", "the result is `null` and not `{\"a\":1}`"),
    ] {
        assert_eq!(seen().differs(&expect(yaml)), [wanted], "{yaml}");
    }
}

#[test]
fn a_document_that_was_refused_is_asked_nothing_else() {
    let seen = Seen { problems: vec!["input-misfit".to_owned()], ..Seen::default() };
    assert_eq!(seen.differs(&expect("problems: [input-misfit]\nstatus: completed")), Vec::<String>::new());
    assert_eq!(
        seen.differs(&expect("status: completed")),
        ["the problems are [\"input-misfit\"] and not []"]
    );
}

#[test]
fn steps_of_a_submission_are_named_with_their_contract() {
    let mut seen = seen();
    let mut other = seen.runs[0].clone();
    other.label = "house".to_owned();
    other.events = (30..).zip([dispatched("risk", "do"), released("risk", "do")]).collect();
    seen.runs.push(other);
    assert_eq!(seen.differs(&expect("order: [loan.risk < house.risk]")), Vec::<String>::new());
    assert_eq!(seen.differs(&expect("order: [house.risk < loan.risk]")).len(), 1);
}
