//! What people and events do to runs: orders, triggers, contracts within contracts, doing it again.

use concordat::demo::agents::{Manner, Mood, skills};
use concordat::demo::trials::trial;
use concordat_engine::{Caller, EngineError, Order, RunView};
use concordat_model::id::RunId;
use concordat_model::run::event::{Event, Origin};
use concordat_model::span::Span;
use concordat_tests::{House, Storage, on_both, status_of, submission, told};
use serde_json::{Value, json};

on_both! {
    a_paused_run_begins_nothing_until_it_is_resumed,
    a_pause_survives_a_restart,
    only_an_operator_ends_a_run_at_once,
    a_deadline_can_be_put_off,
    an_ended_run_is_tried_again_from_a_step,
    a_replay_makes_every_decision_again_and_changes_nothing,
    a_contract_within_another_answers_it_and_outlives_a_restart,
    a_contract_within_another_stops_with_it,
    a_contract_within_another_may_not_ask_for_more,
    an_event_is_heard_by_whoever_began_to_wait_before_or_after,
    an_event_starts_one_contract_through_its_trigger,
    so_many_events_of_one_kind_start_one_contract,
    a_trigger_has_no_more_authority_than_its_owner,
    organisations_share_no_results,
}

/// A low-risk shop contract around these members.
fn shop(spec: Value) -> Value {
    let mut whole = json!({
        "objective": "Quote the shipping cost of an online order and update the product catalog of the shop",
        "domain": "e-commerce",
        "governance": {"risk": "low", "reversible": true},
    });
    for (name, value) in spec.as_object().unwrap() {
        whole[name] = value.clone();
    }
    json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "test"}, "spec": whole})
}

fn quote(id: &str, needs: &[&str]) -> Value {
    let items = json!([{"sku": id, "grams": 450, "quantity": 4}]);
    json!({"id": id, "skill": "quote_shipping", "needs": needs, "effect": "none", "with": {"country": "DE", "items": items}})
}

fn wait(id: &str, event: &str) -> Value {
    json!({"id": id, "wait": {"event": event, "correlate": {"order": 7}}})
}

async fn tell(house: &House, caller: &Caller, id: &str, kind: &str, data: Value) -> bool {
    let event = json!({"specversion": "1.0", "id": id, "source": "/test", "type": kind, "data": data});
    house.engine.publish(caller, serde_json::from_value(event).unwrap()).await.unwrap().replayed
}

async fn order(house: &House, run: RunId, order: Order) -> Result<RunView, EngineError> {
    house.engine.order(&house.submitter, run, order, "because").await
}

/// A run that waits for the event `go` before its quote.
async fn waiting(house: &House) -> RunId {
    let contract = shop(json!({"deadline": "1h", "steps": [wait("go", "go"), quote("quote", &["go"])]}));
    let run = house.submit(submission(contract, json!({}))).await[0];
    house.until(run, |view| status_of(view) == "waiting").await;
    run
}

async fn a_paused_run_begins_nothing_until_it_is_resumed(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = waiting(&house).await;
    let paused = order(&house, run, Order::Pause).await.unwrap();
    assert_eq!(status_of(&paused), "paused");
    assert!(matches!(order(&house, run, Order::Pause).await, Err(EngineError::Conflict(_))));
    // What it waits for may come; what follows does not begin.
    tell(&house, &house.submitter, "1", "go", json!({"order": 7})).await;
    let view = house.until(run, |view| told(view).contains(&"step.concluded go".to_owned())).await;
    assert!(!told(&view).iter().any(|one| one.starts_with("step.dispatched")), "{:#?}", told(&view));
    order(&house, run, Order::Resume).await.unwrap();
    assert_eq!(status_of(&house.over(run).await), "completed");
    for late in [Order::Resume, Order::Pause, Order::Cancel, Order::Extend(Span::seconds(60))] {
        assert!(matches!(order(&house, run, late).await, Err(EngineError::Conflict(_))), "{late:?}");
    }
}

async fn a_pause_survives_a_restart(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = waiting(&house).await;
    order(&house, run, Order::Pause).await.unwrap();
    let house = house.reopen().await;
    tell(&house, &house.submitter, "1", "go", json!({"order": 7})).await;
    house.until(run, |view| told(view).contains(&"step.concluded go".to_owned())).await;
    order(&house, run, Order::Resume).await.unwrap();
    assert_eq!(status_of(&house.over(run).await), "completed");
}

async fn only_an_operator_ends_a_run_at_once(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = waiting(&house).await;
    assert!(matches!(order(&house, run, Order::Kill).await, Err(EngineError::Forbidden(_))));
    let olga = house.key("olga", "acme", concordat_model::principal::Role::Operator).await;
    let view = house.engine.order(&olga, run, Order::Kill, "it must stop").await.unwrap();
    assert_eq!(status_of(&view), "killed");
}

async fn a_deadline_can_be_put_off(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = waiting(&house).await;
    let before = house.engine.run(&house.submitter, run).await.unwrap().run.state.deadline.unwrap();
    let view = order(&house, run, Order::Extend(Span::seconds(600))).await.unwrap();
    let after = view.run.state.deadline.unwrap();
    assert_eq!(after.duration_since(before).as_secs(), 600);
}

async fn an_ended_run_is_tried_again_from_a_step(storage: Storage) {
    let house = House::open_on(storage).await;
    house.set_mood("shop-ops", Mood::always(Manner::Work));
    let failing = json!({
        "id": "stock", "skill": "update_catalog", "needs": ["quote"],
        "with": {"items": [{"sku": "a", "name": "A", "price_cents": "${steps.quote.output.price_cents}"}]},
        "when": {"path": "${steps.quote.output.price_cents}", "gte": 0},
    });
    let last = json!({"id": "last", "needs": ["stock"], "review": {"question": "Is it right?"}});
    let contract = shop(json!({"steps": [quote("quote", &[]), failing, last]}));
    let run = house.submit(submission(contract, json!({}))).await[0];
    house.until(run, |view| !view.run.state.reviews.is_empty()).await;
    assert!(
        matches!(
            house.engine.retry(&house.submitter, run, &"stock".parse().unwrap(), "again").await,
            Err(EngineError::Conflict(_))
        ),
        "a run that is not over is not tried again"
    );
    order(&house, run, Order::Cancel).await.unwrap();
    house.over(run).await;
    let calls = house.agent("shop-ops").ledger().len();
    let again = house.engine.retry(&house.submitter, run, &"last".parse().unwrap(), "again").await.unwrap();
    let again = again.receipt.contracts[0].run;
    let view = house.until(again, |view| !view.run.state.reviews.is_empty()).await;
    let said = told(&view);
    assert!(
        said.contains(&"step.reused quote".to_owned()) && said.contains(&"step.reused stock".to_owned()),
        "{said:#?}"
    );
    assert_eq!(house.agent("shop-ops").ledger().len(), calls, "nothing is done twice");
    assert!(matches!(&view.run.state.origin, Origin::Retried { run: first, .. } if *first == run));
    let missing = house.engine.retry(&house.submitter, run, &"none".parse().unwrap(), "again").await;
    assert!(matches!(missing, Err(EngineError::NotFound { .. })));
}

async fn a_replay_makes_every_decision_again_and_changes_nothing(storage: Storage) {
    let house = House::open_on(storage).await;
    let view = house.carry_out(shop(json!({"steps": [quote("quote", &[])]})), json!({})).await;
    let size = house.log_size().await;
    let replayed = house.engine.replay(&house.submitter, view.run.id).await.unwrap();
    assert!(replayed.same.len() >= 3, "{replayed:?}");
    assert_eq!((replayed.different.len(), replayed.not_replayable.len()), (0, 0), "{replayed:?}");
    assert_eq!(house.log_size().await, size);
}

/// A contract within another one that waits for the event `go`.
fn outer(governance: Value) -> Value {
    let inner = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "inner"},
        "spec": {
            "objective": "Quote the shipping cost of an online order", "governance": governance,
            "steps": [wait("go", "go"), quote("quote", &["go"])],
            "output": "${steps.quote.output.price_cents}",
        },
    });
    shop(
        json!({"steps": [{"id": "inner", "contract": {"contract": inner}}], "output": "${steps.inner.output}"}),
    )
}

/// The run of the contract within a run.
async fn inner_of(house: &House, run: RunId) -> RunId {
    let view = house.until(run, |view| !view.run.state.lent.is_empty()).await;
    *view.run.state.lent.keys().next().unwrap()
}

async fn a_contract_within_another_answers_it_and_outlives_a_restart(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = house.submit(submission(outer(json!({})), json!({}))).await[0];
    let inner = inner_of(&house, run).await;
    house.until(inner, |view| status_of(view) == "waiting").await;
    let house = house.reopen().await;
    tell(&house, &house.submitter, "1", "go", json!({"order": 7})).await;
    let view = house.over(run).await;
    assert_eq!(status_of(&view), "completed", "{:#?}", told(&view));
    assert_eq!(view.run.state.calls, 1, "what is used up within counts");
    let inner = house.engine.run(&house.submitter, inner).await.unwrap();
    assert!(matches!(&inner.run.state.origin, Origin::Nested { run: around, depth: 1 } if *around == run));
}

async fn a_contract_within_another_stops_with_it(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = house.submit(submission(outer(json!({})), json!({}))).await[0];
    let inner = inner_of(&house, run).await;
    order(&house, run, Order::Cancel).await.unwrap();
    assert_eq!(status_of(&house.over(run).await), "cancelled");
    assert_eq!(status_of(&house.over(inner).await), "cancelled");
}

async fn a_contract_within_another_may_not_ask_for_more(storage: Storage) {
    let house = House::open_on(storage).await;
    for wider in [json!({"risk": "high"}), json!({"risk": "low", "dataClasses": ["health"]})] {
        let view = house.carry_out(outer(wider.clone()), json!({})).await;
        let widened = view.records.iter().any(|one| {
            matches!(one.record.data::<Event>().unwrap(), Event::Failed { error, .. } if error.code == "authority-widened")
        });
        assert!(status_of(&view) == "failed" && widened, "{wider}: {:#?}", told(&view));
    }
}

async fn an_event_is_heard_by_whoever_began_to_wait_before_or_after(storage: Storage) {
    let house = House::open_on(storage).await;
    let other = house.key("otto", "other", concordat_model::principal::Role::Submitter).await;
    // It is held before it waits, and the event comes in between.
    let first = json!({"id": "first", "review": {"question": "Go on?"}});
    let mut late = wait("go", "go");
    late["needs"] = json!(["first"]);
    let run = house.submit(submission(shop(json!({"steps": [first, late]})), json!({}))).await[0];
    house.until(run, |view| !view.run.state.reviews.is_empty()).await;
    assert!(!tell(&house, &other, "1", "go", json!({"order": 7})).await, "another organisation's event");
    assert!(!tell(&house, &house.submitter, "1", "go", json!({"order": 7})).await);
    assert!(tell(&house, &house.submitter, "1", "go", json!({"order": 7})).await, "one id is one event");
    let open = house.engine.reviews(&house.reviewer).remove(0);
    let approve = concordat_model::run::event::Verdict::Approve;
    house.engine.answer_review(&house.reviewer, open.id, approve, "yes", open.payload).await.unwrap();
    let view = house.over(run).await;
    let heard = told(&view).iter().filter(|one| one.starts_with("step.heard")).count();
    assert_eq!((status_of(&view), heard), ("completed", 1), "{:#?}", told(&view));
}

fn trigger(name: &str, event: Value, overlap: &str) -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Trigger", "metadata": {"name": name},
        "spec": {
            "event": event, "template": "shipping-quote", "overlap": overlap,
            "input": {"country": "${event.data.country}", "items": [{"sku": "a", "grams": 450, "quantity": 4}]},
        },
    })
}

/// Lets the shop's agent show that it can quote.
async fn prove(house: &House) {
    let skills = skills();
    let skill = skills.iter().find(|skill| skill.name == "quote_shipping").unwrap();
    for run in house.submit(trial(skill)).await {
        house.over(run).await;
    }
}

/// The runs that triggers have started.
async fn triggered(house: &House) -> Vec<RunId> {
    let filter = concordat_engine::ports::RunFilter::default();
    let rows = house.engine.store().runs(&filter, concordat_engine::ports::Page::LARGEST).await.unwrap();
    let mut runs = Vec::new();
    for row in rows {
        let view = house.engine.run(&house.submitter, row.id).await.unwrap();
        if matches!(view.run.state.origin, Origin::Triggered { .. }) {
            runs.push(row.id);
        }
    }
    runs
}

/// Waits until triggers have started so many runs.
async fn until_triggered(house: &House, count: usize) -> Vec<RunId> {
    let mut news = house.engine.log_size();
    let wait = async {
        loop {
            let runs = triggered(house).await;
            if runs.len() >= count {
                return runs;
            }
            news.changed().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), wait)
        .await
        .expect("the trigger starts contracts")
}

async fn an_event_starts_one_contract_through_its_trigger(storage: Storage) {
    let house = House::open_on(storage).await;
    prove(&house).await;
    let document = trigger("quote-orders", json!({"type": "order", "correlate": {"paid": true}}), "allow");
    house.engine.apply_trigger(&house.submitter, serde_json::from_value(document).unwrap()).await.unwrap();
    tell(&house, &house.submitter, "1", "order", json!({"paid": false, "country": "DE"})).await;
    for _ in 0..3 {
        tell(&house, &house.submitter, "2", "order", json!({"paid": true, "country": "DE"})).await;
    }
    let runs = until_triggered(&house, 1).await;
    assert_eq!(status_of(&house.over(runs[0]).await), "completed");
    // After a start everything recent is looked at again, and nothing is started twice.
    let house = house.reopen().await;
    tell(&house, &house.submitter, "3", "order", json!({"paid": true, "country": "DE"})).await;
    assert_eq!(until_triggered(&house, 2).await.len(), 2);
    house.engine.remove_trigger(&house.submitter, &"quote-orders".parse().unwrap()).await.unwrap();
    assert!(house.engine.triggers(&house.submitter).await.unwrap().is_empty());
}

async fn so_many_events_of_one_kind_start_one_contract(storage: Storage) {
    let house = House::open_on(storage).await;
    prove(&house).await;
    let event = json!({"type": "complaint", "count": 3, "window": "1h", "by": "country"});
    let document = trigger("complaints", event, "allow");
    house.engine.apply_trigger(&house.submitter, serde_json::from_value(document).unwrap()).await.unwrap();
    for (id, country) in [("1", "DE"), ("2", "FR"), ("3", "DE"), ("4", "FR"), ("5", "DE"), ("6", "DE")] {
        tell(&house, &house.submitter, id, "complaint", json!({"country": country})).await;
    }
    let runs = until_triggered(&house, 1).await;
    assert_eq!(runs.len(), 1);
    let view = house.over(runs[0]).await;
    assert_eq!(view.run.contract.input()["country"], "DE");
}

async fn a_trigger_has_no_more_authority_than_its_owner(storage: Storage) {
    let house = House::open_on(storage).await;
    let viewer = house.key("vera", "acme", concordat_model::principal::Role::Viewer).await;
    let document = trigger("quote-orders", json!({"type": "order"}), "allow");
    let document: concordat_model::trigger::TriggerDocument = serde_json::from_value(document).unwrap();
    let refused = house.engine.apply_trigger(&viewer, document.clone()).await;
    assert!(matches!(refused, Err(EngineError::Forbidden(_))));
    let mut unknown = document;
    unknown.spec.template = "no-such-template".parse().unwrap();
    let refused = house.engine.apply_trigger(&house.submitter, unknown).await;
    assert!(matches!(refused, Err(EngineError::Invalid(_))));
}

async fn organisations_share_no_results(storage: Storage) {
    let house = House::open_on(storage).await;
    let other = house.key("otto", "other", concordat_model::principal::Role::Submitter).await;
    let mut cached = quote("quote", &[]);
    cached["cache"] = json!({"ttl": "10m"});
    let contract = shop(json!({"steps": [cached]}));
    let calls = || house.agent("shop-ops").ledger().len();
    house.carry_out(contract.clone(), json!({})).await;
    let view = house.carry_out(contract.clone(), json!({})).await;
    assert!(told(&view).contains(&"step.recalled quote".to_owned()), "{:#?}", told(&view));
    assert_eq!(calls(), 1);
    let accepted = house.engine.submit(&other, submission(contract, json!({})), None).await.unwrap();
    let run = accepted.receipt.contracts[0].run;
    let mut news = house.engine.log_size();
    while !house.engine.run(&other, run).await.unwrap().run.state.is_ended() {
        news.changed().await.unwrap();
    }
    assert_eq!(calls(), 2);
}
