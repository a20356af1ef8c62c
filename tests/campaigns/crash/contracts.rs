//! What is submitted: every pattern of work for which a crash may come at a bad moment.

use serde_json::{Value, json};

/// What somebody has to do about a contract after it was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    /// It waits for an event.
    Event,
    /// It is cancelled.
    Cancel,
}

/// A contract of one of eight shapes. Its label is the request's key, so that a doubled run shows.
pub(super) fn submission(key: &str, die: u32) -> (Value, Wish) {
    let applicant = format!("ap-{}", 1000 + die / 8 % 500);
    let check = |id| credit(id, &applicant);
    let (steps, wish) = match die % 8 {
        0 => (vec![check("a"), check("b"), check("c")], Wish::Nothing),
        1 | 2 => (vec![check("a"), risk(), approve()], Wish::Nothing),
        3 => (vec![check("a"), question()], Wish::Nothing),
        4 => (vec![each()], Wish::Nothing),
        5 => (vec![wait(key), with(check("a"), "needs", json!(["go"]))], Wish::Event),
        6 => (vec![check("a"), once()], Wish::Nothing),
        _ => (vec![check("a"), risk(), approve()], Wish::Cancel),
    };
    // Every other saga asks for more than anyone lends, so that it is undone.
    let amount = if (die / 8).is_multiple_of(2) { 3_000 } else { 90_000_000 };
    let contract = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "crash"},
        "spec": {
            "objective": "Check the credit of a loan applicant and assess the lending risk",
            "domain": "finance", "governance": {"risk": "low", "reversible": true},
            "deadline": "1h", "onFailure": "compensate", "steps": steps,
        },
    });
    let input = json!({"applicant_id": applicant, "amount": amount});
    let document = json!({
        "apiVersion": "concordat/v1", "kind": "Submission",
        "contracts": [{"name": key, "contract": contract, "input": input}],
    });
    (document, wish)
}

fn retry() -> Value {
    json!({"max": 20, "backoff": "1ms", "on": ["failed", "unavailable", "timeout", "malformed"]})
}

fn credit(id: &str, applicant: &str) -> Value {
    json!({
        "id": id, "skill": "check_credit", "with": {"applicant_id": applicant}, "retry": retry(),
        "compensate": {"skill": "release_credit_check", "with": {"check_id": format!("${{steps.{id}.output.check_id}}")}},
    })
}

fn risk() -> Value {
    json!({
        "id": "risk", "skill": "assess_risk", "needs": ["a"], "retry": retry(),
        "with": {"application": "${input}", "credit": "${steps.a.output}"},
        "compensate": {"skill": "cancel_assessment", "with": {"assessment_id": "${steps.risk.output.id}"}},
    })
}

fn approve() -> Value {
    json!({
        "id": "approve", "skill": "approve_loan", "needs": ["risk"],
        "with": {"application": "${input}", "risk": "${steps.risk.output}"},
        "compensate": {"skill": "cancel_loan", "with": {"loan_id": "${steps.approve.output.loan_id}"}},
    })
}

/// A step that may be tried again only when it is certain that it was not done.
fn once() -> Value {
    let retry = json!({"max": 20, "backoff": "1ms", "on": ["failed", "unavailable"]});
    with(with(risk(), "effect", json!("unsafe")), "retry", retry)
}

fn question() -> Value {
    json!({"id": "ask", "needs": ["a"], "review": {"question": "Shall it go on?"}})
}

fn wait(key: &str) -> Value {
    json!({"id": "go", "wait": {"event": "go", "correlate": {"order": key}}})
}

fn each() -> Value {
    json!({
        "id": "each", "skill": "check_credit", "with": {"applicant_id": "${item}"}, "retry": retry(),
        "forEach": ["ap-1", "ap-2", "ap-3", "ap-4", "ap-5"], "maxParallel": 2,
    })
}

/// A step with another member.
fn with(mut step: Value, name: &str, value: Value) -> Value {
    if let Some(members) = step.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    step
}
