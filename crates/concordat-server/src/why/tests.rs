use std::sync::Arc;

use concordat_engine::ports::StoredRecord;
use concordat_ledger::record::{Draft, SubjectSeq};
use concordat_model::agree::{Contract, ContractForm};
use concordat_model::id::{DecisionId, RunId};
use concordat_model::run::Run;
use concordat_model::run::event::Event;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn agent(n: u128) -> Value {
    json!(AgentId::new(Uuid::from_u128(n)))
}

fn decision(n: u128) -> Value {
    json!(DecisionId::new(Uuid::from_u128(n)))
}

fn digest() -> Value {
    json!(format!("sha256:{}", "0".repeat(64)))
}

/// A decision of a gate; `more` overrides its members.
fn decided(n: u128, gate: &str, answer: &Value, attempt: Option<&Value>, more: &Value) -> Value {
    let mut decision = json!({
        "id": decision(n), "gate": gate, "answer": answer,
        "provenance": {"policy": digest(), "input": digest(), "evaluator": "test"},
    });
    for (name, value) in more.as_object().unwrap() {
        decision[name] = value.clone();
    }
    match attempt {
        None => json!({"event": "decided", "decision": decision}),
        Some(attempt) => json!({"event": "decided", "decision": decision, "attempt": attempt}),
    }
}

fn no(kind: &str, message: &str, fix: Option<&str>) -> Value {
    let mut reason = json!({"code": "c", "message": message});
    if let Some(fix) = fix {
        reason["fix"] = json!(fix);
    }
    json!({"kind": kind, "reasons": [reason]})
}

fn permit() -> Value {
    json!({"kind": "permit"})
}

fn attempt(step: &str, leg: &str, number: u32) -> Value {
    json!({"step": step, "leg": leg, "number": number})
}

fn dispatched(n: u128, attempt: &Value, draws: &[(u128, u16)]) -> Value {
    let draws: Vec<Value> =
        draws.iter().map(|(id, drawn)| json!({"agent": agent(*id), "drawn": drawn})).collect();
    json!({
        "event": "dispatched", "attempt": attempt, "agent": agent(1), "agent_name": "bureau", "revision": digest(),
        "skill": "check", "decision": decision(n), "params": digest(), "draws": draws,
    })
}

fn answered(attempt: &Value, reply: &Value) -> Value {
    json!({"event": "answered", "attempt": attempt, "reply": reply, "latency_ms": 1250})
}

fn result() -> Value {
    json!({"kind": "output", "output": digest(), "bytes": 2, "checked": false})
}

fn received() -> Value {
    json!({
        "event": "received", "submission": "sub_01h455vb4pex5vsknk084sn02q", "label": "loan", "name": "loan",
        "contract": digest(), "submitter": {"name": "sam", "tenant": "acme", "roles": ["submitter"]},
        "access": decision(90),
    })
}

fn classified() -> Value {
    json!({"event": "classified", "classification": {
        "verdict": {"kind": "domain", "domain": "finance", "confidence": 8750},
        "alternatives": [], "evidence": [], "classifier": "rules",
    }})
}

fn started() -> Value {
    json!({"event": "started"})
}

/// A run of two steps, `credit` and then `risk`, to which this happened.
fn told(events: &[Value]) -> Why {
    let step = |id: &str, needs: Value| json!({"id": id, "skill": "check", "needs": needs, "effect": "unsafe", "compensate": {"skill": "release"}});
    let form: ContractForm = serde_json::from_value(json!({"input": {}, "contract": {
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "loan"},
        "spec": {
            "objective": "Decide a loan", "domain": "finance", "onFailure": "compensate",
            "steps": [step("credit", json!([])), step("risk", json!(["credit"]))],
        },
    }}))
    .unwrap();
    let contract = Arc::new(Contract::agree(form).unwrap());
    let id = RunId::new(Uuid::from_u128(5));
    let subject = id.to_string();
    let mut run: Option<Run> = None;
    let mut records = Vec::new();
    for (seq, event) in (0u64..).zip(events) {
        let event: Event = serde_json::from_value(event.clone()).unwrap();
        let at = Timestamp::from_second(1_800_000_000 + i64::try_from(seq).unwrap()).unwrap();
        match &mut run {
            None => run = Some(Run::open(id, contract.clone(), &event, at).unwrap()),
            Some(run) => run.apply(&event, at).unwrap(),
        }
        let draft = Draft {
            id: &format!("rec_{seq}"),
            source: "concordat/test",
            kind: event.record_type(),
            subject: &subject,
            subject_seq: SubjectSeq::new(seq).unwrap(),
            time: &format!("{at:.6}"),
            data: &event,
        };
        records.push(StoredRecord { index: 10 + seq, record: draft.seal().unwrap() });
    }
    let view = RunView { run: run.unwrap(), records, waits: Vec::new() };
    let known = |id: AgentId| match id.uuid().as_u128() {
        2 => Some("second".to_owned()),
        3 => Some("third".to_owned()),
        _ => None,
    };
    tell(&view, &known).unwrap()
}

/// What is said of the last event, and how the run stands.
fn check(events: &[Value], line: &str, headline: &str) {
    let why = told(events);
    assert_eq!(why.lines.last().unwrap().text, line);
    assert_eq!(why.headline, format!("The contract `loan` {headline}."));
}

#[test]
fn admission() {
    let begin = [received(), classified()];
    check(&begin[..1], "`sam` sent the contract `loan`.", "was received, and policy has not answered yet");
    check(
        &begin,
        "Its text was recognised as work in `finance` (87.5 % sure).",
        "was received, and policy has not answered yet",
    );
    let admitted = |more| [&begin[..], &[decided(1, "admit", &permit(), None, &more)]].concat();
    check(&admitted(json!({})), "Policy admitted it.", "was received, and policy has not answered yet");
    let remark = json!({"checks": [{"policy": "budget_tight", "result": "warn", "severity": "medium",
        "message": "there are more steps than calls"}]});
    check(
        &admitted(remark),
        "Policy admitted it, with a remark: there are more steps than calls.",
        "was received, and policy has not answered yet",
    );
    let denied = no("deny", "no agent offers the skill `check`", Some("register one"));
    let events = [&begin[..], &[decided(1, "admit", &denied, None, &json!({}))]].concat();
    check(
        &events,
        "Policy does not let it run: no agent offers the skill `check` (register one).",
        "was received, and policy has not answered yet",
    );
    let ended = json!({"event": "ended", "ending": {"kind": "stopped", "undone": [], "not_undone": []}});
    let closing = json!({"event": "closing", "cause": {"kind": "denied", "decision": decision(1)}});
    check(
        &[&events[..], &[closing, ended]].concat(),
        "It is over; nothing had to be undone.",
        "was not let in: policy does not let it run: no agent offers the skill `check` (register one); nothing had \
         to be undone",
    );
}

#[test]
fn reviews() {
    let review = "rev_01h455vb4pex5vsknk084sn02q";
    let asks = no("review", "it is not certain what this is", None);
    let begin = [received(), classified(), decided(1, "admit", &asks, None, &json!({}))];
    check(
        &begin,
        "Policy wants people to look before it may run: it is not certain what this is.",
        "was received, and policy has not answered yet",
    );
    let opened = json!({"event": "review_opened", "review": review, "about": {"kind": "admission"},
        "decision": decision(1), "payload": digest(), "expires": "2027-01-15T09:00:00Z"});
    let begin = [&begin[..], &[opened]].concat();
    check(
        &begin,
        "People are asked whether the contract may run (review rev_01h455vb4pex5vsknk084sn02q, until 2027-01-15 \
         09:00:00 UTC).",
        "waits for a reviewer before it may run: it is not certain what this is",
    );
    let answer = |verdict: &str| {
        json!({"event": "review_answered", "review": review, "verdict": verdict, "payload": digest(),
            "by": {"name": "rita", "tenant": "acme", "roles": ["reviewer"]}, "reason": "clear", "access": decision(2)})
    };
    check(
        &[&begin[..], &[answer("approve")]].concat(),
        "`rita` approved, so policy was asked again: “clear”.",
        "was received, and policy has not answered yet",
    );
    let rejected = json!({"event": "closing", "cause": {"kind": "rejected", "review": review}});
    check(
        &[&begin[..], &[answer("reject"), rejected]].concat(),
        "The contract stops: people did not approve it: `rita` rejected it: clear. Nothing new begins.",
        "is stopping: people did not approve it: `rita` rejected it: clear",
    );
}

#[test]
fn routing() {
    let credit = attempt("credit", "do", 1);
    let begin = [received(), classified(), started()];
    check(&begin, "Work began.", "is running, 0 of 2 steps settled");
    let routed = |more: Value, draws: &[(u128, u16)]| {
        let decision = decided(1, "dispatch", &permit(), Some(&credit), &more);
        [&begin[..], &[decision, dispatched(1, &credit, draws)]].concat()
    };
    let busy = "is running, 0 of 2 steps settled, `credit` with an agent";
    let alone =
        "Step `credit` went to `bureau`: of the agents that offer the skill, policy permitted only this one.";
    check(&routed(json!({"permitted": [agent(1)]}), &[]), alone, busy);
    let low = json!([{"code": "trust_low", "message": "it has not proven enough yet."}]);
    let mut excluded = serde_json::Map::new();
    excluded.insert(agent(3).as_str().unwrap().to_owned(), low);
    check(
        &routed(json!({"permitted": [agent(1), agent(2)], "excluded": excluded}), &[(1, 9126), (2, 8000)]),
        "Step `credit` went to `bureau`: policy permitted it and 1 other agent, and it won the draw, which weighs \
         what was seen of each: 91.2 % against 80 % of `second`. Passed over: `third` (it has not proven enough yet).",
        busy,
    );
    let nobody = no("deny", "no agent may do this", None);
    check(
        &[&begin[..], &[decided(1, "dispatch", &nobody, Some(&credit), &json!({"excluded": excluded}))]]
            .concat(),
        "Policy lets no agent do step `credit`: no agent may do this. Passed over: `third` (it has not proven enough \
         yet).",
        "is running, 0 of 2 steps settled",
    );
}

#[test]
fn doing_failing_and_undoing() {
    let credit = attempt("credit", "do", 1);
    let begin = [received(), classified(), started(), dispatched(1, &credit, &[])];
    let busy = "is running, 0 of 2 steps settled, `credit` with an agent";
    let idle = "is running, 0 of 2 steps settled";
    let after = |reply: Value| [&begin[..], &[answered(&credit, &reply)]].concat();
    let failure =
        json!({"kind": "failure", "failure": "failed", "code": "agent-error", "message": "no such person"});
    check(&after(failure), "`bureau` could not do step `credit`: no such person.", idle);
    let unknown = json!({"kind": "unknown", "failure": "timeout", "message": "no answer in 30s"});
    check(
        &after(unknown.clone()),
        "`bureau` gave no answer to step `credit`, so it is not known whether it was done: no answer in 30s.",
        idle,
    );
    check(
        &[&after(unknown)[..], &[json!({"event": "parked", "attempt": credit})]].concat(),
        "Nobody knows whether step `credit` was done. Doing it twice would do harm, so it is not sent again until a \
         person has found out.",
        idle,
    );
    check(
        &after(json!({"kind": "interrupted"})),
        "Concordat stopped while `bureau` worked on step `credit`.",
        idle,
    );
    let odd = json!({"kind": "output", "output": digest(), "bytes": 2, "misfits": ["/score: is not a number"], "checked": true});
    check(
        &after(odd),
        "`bureau` answered step `credit` with something of another form than was agreed: /score: is not a number.",
        idle,
    );
    let held = [
        &after(result())[..],
        &[decided(2, "release", &no("deny", "it was suspended", None), Some(&credit), &json!({}))],
    ];
    check(&held.concat(), "Policy does not let the result of step `credit` be used: it was suspended.", idle);
    let released = json!({"event": "released", "attempt": credit, "decision": decision(2)});
    let done = [&after(result())[..], &[released]].concat();
    check(
        &done,
        "`bureau` did step `credit` in 1.2 s, and policy let the result be used.",
        "is running, 1 of 2 steps settled",
    );
    check(
        &begin,
        "Step `credit` went to `bureau`: of the agents that offer the skill, policy permitted only this one.",
        busy,
    );
    undoing(&done);
}

fn undoing(done: &[Value]) {
    let risk = attempt("risk", "do", 1);
    let error = json!({"code": "agent-error", "message": "the model is down"});
    let failed = json!({"event": "failed", "attempt": risk, "error": error, "tolerated": false});
    let lost = answered(&risk, &json!({"kind": "failure", "failure": "failed", "code": "x", "message": "y"}));
    let failing = [done, &[dispatched(3, &risk, &[]), lost, failed]].concat();
    let says = "Step `risk` failed for good: the model is down.";
    check(&failing, says, "is running, 2 of 2 steps settled");
    let closing =
        json!({"event": "closing", "cause": {"kind": "step_failed", "step": "risk", "compensate": true}});
    let undo = attempt("credit", "undo", 1);
    let begun = [&failing[..], &[closing, json!({"event": "undoing", "steps": ["credit"]})]].concat();
    check(
        &begun,
        "What was done is undone, last things first: `credit`.",
        "is being undone, because step `risk` failed: the model is down",
    );
    let went = [&begun[..], &[dispatched(4, &undo, &[])]].concat();
    check(
        &went,
        "The undoing of step `credit` went to `bureau`: of the agents that offer the skill, policy permitted only \
         this one.",
        "is being undone, because step `risk` failed: the model is down",
    );
    let released = json!({"event": "released", "attempt": undo, "decision": decision(5)});
    let ended =
        json!({"event": "ended", "ending": {"kind": "stopped", "undone": ["credit"], "not_undone": []}});
    check(
        &[&went[..], &[answered(&undo, &result()), released, ended]].concat(),
        "It is over; everything that was done is undone: `credit`.",
        "failed: step `risk` failed: the model is down; everything that was done is undone: `credit`",
    );
    let stuck = json!({"event": "failed", "attempt": undo, "error": error, "tolerated": false});
    let lost = answered(&undo, &json!({"kind": "interrupted"}));
    let ended =
        json!({"event": "ended", "ending": {"kind": "stopped", "undone": [], "not_undone": ["credit"]}});
    check(
        &[&went[..], &[lost, stuck, ended]].concat(),
        "It is over; `credit` could not be undone, and a person must look.",
        "failed: step `risk` failed: the model is down; `credit` could not be undone, and a person must look",
    );
}
