//! The life of contracts: parallel and sequential steps, failure, undoing, skipping, retrying, cancelling.

use concordat::demo::agents::{Manner, Mood};
use concordat_engine::Order;
use concordat_model::run::event::Verdict;
use concordat_tests::{House, Storage, on_both, status_of, submission, told};
use serde_json::{Value, json};

on_both! {
    a_saga_completes_when_every_step_does,
    a_saga_is_undone_in_reverse_order,
    a_failed_step_may_be_skipped_and_a_false_condition_skips,
    an_answer_that_breaks_its_schema_is_not_used,
    an_unsafe_step_of_unknown_outcome_waits_for_a_person,
    a_cancelled_run_undoes_what_was_done,
    contracts_wait_for_those_they_depend_on,
    a_deadline_ends_a_run,
    an_open_run_goes_on_after_a_restart,
}

/// A low-risk finance contract around these members.
fn finance(spec: Value) -> Value {
    let mut whole = json!({
        "objective": "Check the credit of a loan applicant and assess the lending risk",
        "requirements": ["Check the applicant's credit score", "Assess the loan's risk"],
        "domain": "finance",
        "governance": {"risk": "low", "reversible": true},
    });
    for (name, value) in spec.as_object().unwrap() {
        whole[name] = value.clone();
    }
    json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "test"}, "spec": whole})
}

fn credit() -> Value {
    json!({
        "id": "credit", "skill": "check_credit", "with": {"applicant_id": "${input.applicant_id}"},
        "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]},
        "compensate": {"skill": "release_credit_check", "with": {"check_id": "${steps.credit.output.check_id}"}},
    })
}

fn risk() -> Value {
    json!({
        "id": "risk", "skill": "assess_risk", "needs": ["credit"],
        "with": {"application": "${input}", "credit": "${steps.credit.output}"},
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

fn applicant(amount: u32) -> Value {
    json!({"applicant_id": "ap-1001", "amount": amount, "income": 60_000})
}

async fn a_saga_completes_when_every_step_does(storage: Storage) {
    let house = House::open_on(storage).await;
    let contract = finance(json!({"onFailure": "compensate", "steps": [credit(), risk(), approve()]}));
    let view = house.carry_out(contract, applicant(5_000)).await;
    assert_eq!(status_of(&view), "completed", "{:#?}", told(&view));
}

async fn a_saga_is_undone_in_reverse_order(storage: Storage) {
    let house = House::open_on(storage).await;
    // An undo that it fails six times in a row would wait for a person.
    house.set_mood("credit-express", Mood::always(Manner::Work));
    let contract = finance(json!({"onFailure": "compensate", "steps": [credit(), risk(), approve()]}));
    let view = house.carry_out(contract, applicant(5_000_000)).await;
    assert_eq!(status_of(&view), "undone", "{:#?}", told(&view));
    let undone: Vec<String> = told(&view)
        .into_iter()
        .filter(|one| one.starts_with("step.released") && one.ends_with("(undo)"))
        .collect();
    assert_eq!(undone, ["step.released risk (undo)", "step.released credit (undo)"]);

    // Whoever did a step undoes it: another may know nothing of it.
    let mut doers = std::collections::BTreeMap::new();
    for one in view.records.iter().filter(|one| one.record.kind() == "step.dispatched") {
        let data: Value = one.record.data().unwrap();
        let step = data["attempt"]["step"].to_string();
        match data["attempt"]["leg"] == "undo" {
            false => drop(doers.insert(step, data["agent"].clone())),
            true => assert_eq!(doers.get(&step), Some(&data["agent"]), "{step}"),
        }
    }
}

async fn a_failed_step_may_be_skipped_and_a_false_condition_skips(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("risk-desk", Mood::always(Manner::Fail));
    let mut risk = risk();
    risk["onError"] = json!("skip");
    let mut never = risk.clone();
    never["id"] = json!("never");
    never["when"] = json!({"path": "${steps.credit.output.score}", "gt": 10_000});
    never.as_object_mut().unwrap().remove("compensate");
    let after = json!({
        "id": "after", "skill": "check_credit", "needs": ["risk", "never", "credit"],
        "with": {"applicant_id": "${input.applicant_id}"}, "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]},
    });
    let view =
        house.carry_out(finance(json!({"steps": [credit(), risk, never, after]})), applicant(5_000)).await;
    let told = told(&view);
    assert_eq!(status_of(&view), "completed", "{told:#?}");
    assert!(
        told.contains(&"step.failed risk".to_owned()) && told.contains(&"step.skipped never".to_owned()),
        "{told:#?}"
    );
}

async fn an_answer_that_breaks_its_schema_is_not_used(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("risk-desk", Mood::always(Manner::Lie));
    let view = house.carry_out(finance(json!({"steps": [credit(), risk()]})), applicant(5_000)).await;
    let told = told(&view);
    assert_eq!(status_of(&view), "failed", "{told:#?}");
    assert!(!told.contains(&"step.released risk".to_owned()), "{told:#?}");
}

async fn an_unsafe_step_of_unknown_outcome_waits_for_a_person(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("risk-desk", Mood::always(Manner::Crash));
    let mut risk = risk();
    risk["effect"] = json!("unsafe");
    let contract = finance(json!({"steps": [credit(), risk]}));
    let run = house.submit(submission(contract, applicant(5_000))).await[0];
    let view = house.until(run, |view| !view.run.state.reviews.is_empty()).await;
    assert_eq!(status_of(&view), "in_review", "{:#?}", told(&view));
    assert_eq!(house.agent("risk-desk").ledger().len(), 1, "nothing is sent again by itself");

    house.set_mood("risk-desk", Mood::always(Manner::Work));
    let open = house.engine.reviews(&house.reviewer).remove(0);
    let answer = house.engine.answer_review(
        &house.reviewer,
        open.id,
        Verdict::Approve,
        "the desk says no",
        open.payload,
    );
    answer.await.unwrap();
    assert_eq!(status_of(&house.over(run).await), "completed");
}

async fn a_cancelled_run_undoes_what_was_done(storage: Storage) {
    let house = House::open_on(storage).await;
    // An undo that it fails six times in a row would wait for a person.
    house.set_mood("credit-express", Mood::always(Manner::Work));
    house.set_mood("risk-desk", Mood::always(Manner::Stall));
    let mut slow = risk();
    slow["timeout"] = json!("300ms");
    let contract = finance(json!({"onFailure": "compensate", "steps": [credit(), slow]}));
    let run = house.submit(submission(contract, applicant(5_000))).await[0];
    house.until(run, |view| told(view).contains(&"step.dispatched risk".to_owned())).await;
    house.engine.order(&house.submitter, run, Order::Cancel, "changed my mind").await.unwrap();
    let view = house.over(run).await;
    assert_eq!(status_of(&view), "cancelled", "{:#?}", told(&view));
    assert!(told(&view).contains(&"step.released credit (undo)".to_owned()), "{:#?}", told(&view));
    assert!(
        house.engine.order(&house.submitter, run, Order::Cancel, "again").await.is_err(),
        "a run that is over stays over"
    );
}

async fn contracts_wait_for_those_they_depend_on(storage: Storage) {
    let house = House::open_on(storage).await;
    let contract = |steps: Value| finance(json!({"steps": steps}));
    let document = |last: &str| {
        json!({
            "apiVersion": "concordat/v1", "kind": "Submission",
            "contracts": [
                {"name": "third", "contract": contract(json!([credit()])), "input": applicant(1), "dependsOn": ["second"]},
                {"name": "first", "contract": contract(json!([credit()])), "input": applicant(1)},
                {"name": "second", "contract": contract(json!([{
                    "id": "one", "skill": last, "with": {"application": "${input}", "credit": {}},
                }])), "input": applicant(1), "dependsOn": ["first"]},
            ],
        })
    };
    let runs = house.submit(document("assess_risk")).await;
    let third = house.over(runs[0]).await;
    // The second asks for an assessment without a credit check, which fails; so the third never starts.
    assert_eq!(status_of(&house.over(runs[1]).await), "completed");
    assert_eq!(status_of(&house.over(runs[2]).await), "failed");
    assert_eq!(status_of(&third), "failed");
    assert!(!told(&third).iter().any(|one| one.starts_with("step.")), "{:#?}", told(&third));
}

async fn a_deadline_ends_a_run(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("risk-desk", Mood::always(Manner::Stall));
    let mut slow = risk();
    slow["timeout"] = json!("400ms");
    let view = house
        .carry_out(finance(json!({"deadline": "200ms", "steps": [credit(), slow]})), applicant(5_000))
        .await;
    let data: Value = view
        .records
        .iter()
        .find(|one| one.record.kind() == "contract.closing")
        .unwrap()
        .record
        .data()
        .unwrap();
    assert_eq!((status_of(&view), data["cause"]["kind"].as_str()), ("failed", Some("deadline")));
}

async fn an_open_run_goes_on_after_a_restart(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("risk-desk", Mood::always(Manner::Stall));
    let contract = finance(json!({"steps": [credit(), risk()]}));
    let run = house.submit(submission(contract, applicant(5_000))).await[0];
    house.until(run, |view| told(view).contains(&"step.dispatched risk".to_owned())).await;
    // What is recorded is not yet there: an agent that works again before the call comes would answer it.
    while house.agent("risk-desk").ledger().is_empty() {
        tokio::task::yield_now().await;
    }
    house.set_mood("risk-desk", Mood::always(Manner::Work));
    let house = house.reopen().await;
    let view = house.over(run).await;
    let told = told(&view);
    assert_eq!(status_of(&view), "completed", "{told:#?}");
    assert_eq!(told.iter().filter(|one| *one == "step.dispatched risk").count(), 2, "{told:#?}");
    let keys: Vec<String> =
        house.agent("risk-desk").ledger().iter().map(|entry| entry.idempotency_key.clone()).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
}
