//! The history checker: a true history keeps every rule, and each way of falsifying one breaks the rule meant for it.

mod falsify;
mod forge;

use concordat::demo::agents::{Manner, Mood};
use concordat_engine::Placing;
use concordat_model::principal::Role;
use concordat_model::run::event::Verdict;
use concordat_tests::history::{History, Receipt, check};
use concordat_tests::{House, submission};
use serde_json::{Value, json};

/// A short life with a bit of everything: work side by side, failures, an undo, an unsafe step that a person sends
/// again, items, an event, a cancellation.
async fn recorded() -> History {
    let house = House::open().await;
    let mut receipts = Vec::new();
    for (nth, (contract, amount)) in contracts().into_iter().enumerate() {
        let key = format!("key-{nth}");
        let mut document = submission(contract, json!({"applicant_id": "ap-1001", "amount": amount}));
        document["contracts"][0]["name"] = json!(key);
        if key == "key-3" {
            house.set_mood("risk-desk", Mood::always(Manner::Crash));
        }
        let accepted = house.engine.submit(&house.submitter, document, Some(&key)).await.unwrap();
        let line = &accepted.receipt.contracts[0];
        if key == "key-3" {
            approve_again(&house, line.run).await;
        } else if key == "key-4" {
            house.until(line.run, |view| !view.run.state.reviews.is_empty()).await;
            let order = concordat_engine::Order::Cancel;
            house.engine.order(&house.submitter, line.run, order, "no more").await.unwrap();
        }
        house.over(line.run).await;
        let (run, digest) = (line.run.to_string(), line.digest.to_string());
        receipts.push(Receipt { key, run, digest, leaf: None });
    }
    let mut history = house.history().await;
    for receipt in &mut receipts {
        receipt.leaf = falsify::first_leaf(&history, &receipt.run);
    }
    history.receipts = receipts;
    history.secrets = vec!["cdt_live_secret".to_owned()];
    history
}

/// A person says that unsafe work of unknown outcome may be sent again.
async fn approve_again(house: &House, run: concordat_model::id::RunId) {
    house.until(run, |view| !view.run.state.reviews.is_empty()).await;
    house.set_mood("risk-desk", Mood::always(Manner::Work));
    let open = house.engine.reviews(&house.reviewer).remove(0);
    let payload = open.payload;
    house.engine.answer_review(&house.reviewer, open.id, Verdict::Approve, "do", payload).await.unwrap();
}

fn contracts() -> Vec<(Value, u32)> {
    let credit = json!({
        "id": "credit", "skill": "check_credit", "with": {"applicant_id": "${input.applicant_id}"},
        "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]},
        "compensate": {"skill": "release_credit_check", "with": {"check_id": "${steps.credit.output.check_id}"}},
    });
    let risk = json!({
        "id": "risk", "skill": "assess_risk", "needs": ["credit"],
        "with": {"application": "${input}", "credit": "${steps.credit.output}"},
        "compensate": {"skill": "cancel_assessment", "with": {"assessment_id": "${steps.risk.output.id}"}},
    });
    let approve = json!({
        "id": "approve", "skill": "approve_loan", "needs": ["risk"],
        "with": {"application": "${input}", "risk": "${steps.risk.output}"},
        "compensate": {"skill": "cancel_loan", "with": {"loan_id": "${steps.approve.output.loan_id}"}},
    });
    let (mut other, mut each, mut unsafe_risk) = (credit.clone(), credit.clone(), risk.clone());
    other["id"] = json!("other");
    other["compensate"]["with"]["check_id"] = json!("${steps.other.output.check_id}");
    each["forEach"] = json!(["ap-1", "ap-2", "ap-3", "ap-4"]);
    each["maxParallel"] = json!(2);
    each["with"] = json!({"applicant_id": "${item}"});
    each.as_object_mut().unwrap().remove("compensate");
    unsafe_risk["effect"] = json!("unsafe");
    let ask = json!({"id": "ask", "needs": ["credit"], "review": {"question": "Go on?"}});
    let finance = |steps: Value| {
        json!({
            "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "history"},
            "spec": {
                "objective": "Check the credit of a loan applicant and assess the lending risk",
                "domain": "finance", "governance": {"risk": "low", "reversible": true},
                "onFailure": "compensate", "steps": steps,
            },
        })
    };
    let mut refused = finance(json!([credit]));
    refused["spec"]["governance"]["dataClasses"] = json!(["health"]);
    vec![
        (finance(json!([credit, other, risk, approve])), 5_000),
        (finance(json!([credit, risk, approve])), 90_000_000),
        (finance(json!([each])), 1),
        (finance(json!([credit, unsafe_risk])), 5_000),
        (finance(json!([credit, ask])), 5_000),
        (refused, 5_000),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_keeps_every_rule_unless_it_is_falsified() {
    let history = recorded().await;
    let found = check(&history);
    assert_eq!(found, [], "{}", found.iter().map(|one| format!("\n{one}")).collect::<String>());
    let corruptions = falsify::corruptions();
    assert!(corruptions.len() >= 20, "{}", corruptions.len());
    for (name, rule, corrupt) in corruptions {
        let mut falsified = history.clone();
        corrupt(&mut falsified);
        let found = check(&falsified);
        assert!(found.iter().any(|one| one.rule == rule), "{name}: {found:#?}");
    }
}

/// Whoever thinks about a step looks at the registry a moment before what they decided is in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_gets_no_work_after_its_suspension() {
    let house = House::open().await;
    let admin = house.key("anna", "acme", Role::Admin).await;
    house.set_mood("credit-express", Mood::WELL);
    let mut check_credit = contracts().swap_remove(2).0;
    check_credit["spec"]["steps"][0].as_object_mut().unwrap().remove("maxParallel");
    let document = submission(check_credit, json!({"applicant_id": "ap-1001", "amount": 1}));
    let mut runs = Vec::new();
    for _ in 0..20 {
        let suspended = house.engine.place_agent(&admin, "credit-bureau", Placing::Suspend, "who knows");
        let (more, suspended) = tokio::join!(house.submit(document.clone()), suspended);
        suspended.unwrap();
        runs.extend(more);
        runs.extend(house.submit(document.clone()).await);
        house.engine.place_agent(&admin, "credit-bureau", Placing::Restore, "now we do").await.unwrap();
    }
    for run in runs {
        house.over(run).await;
    }
    assert_eq!(check(&house.history().await), []);
}
