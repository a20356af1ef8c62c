//! Tries of skills that nobody knows the end of: what was durable before the example left is all that a start has.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use concordat_engine::ports::{Page, RecordFilter};
use concordat_model::agent::{ProbeResult, Probed};
use concordat_model::name::SkillName;
use concordat_model::principal::Role;
use concordat_tests::House;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How many examples an agent was given, and whether it answers.
type Peer = Arc<(watch::Sender<usize>, watch::Sender<bool>)>;

/// An agent that answers nothing until it is told to.
async fn silent() -> (String, Peer) {
    let peer = Peer::new((watch::Sender::new(0), watch::Sender::new(false)));
    let execute = |State(peer): State<Peer>, Json(call): Json<Value>| async move {
        peer.0.send_modify(|given| *given += 1);
        peer.1.subscribe().wait_for(|answers| *answers).await.unwrap();
        Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": {"score": 700}}))
    };
    let router = Router::new().route("/execute", post(execute)).with_state(peer.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, peer)
}

fn probed(house: &House) -> Probed {
    let skill: SkillName = "keyed".parse().unwrap();
    house.engine.agent("peer").unwrap().probed[&skill].clone()
}

/// How many records of this type there are of the agent.
async fn count(house: &House, kind: &str) -> usize {
    let subject = house.engine.agent("peer").unwrap().id.to_string();
    let filter =
        RecordFilter { types: vec![kind.to_owned()], subject: Some(subject), ..RecordFilter::default() };
    house.engine.store().records(&filter, Page::LARGEST).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_a_crash_interrupts_waits_for_a_person() {
    let house = House::open().await;
    let admin = house.key("regina", "acme", Role::RegistryAdmin).await;
    let (url, peer) = silent().await;
    house
        .register(json!({
            "name": "peer", "owner": "peer.example", "domains": ["finance"],
            "binding": {"type": "execute", "url": url}, "skills": [{"name": "keyed", "example": {"a": 1}}],
        }))
        .await;
    let (engine, by) = (house.engine.clone(), admin.clone());
    let trying = tokio::spawn(async move { engine.probe_agent(&by, "peer", None).await });
    peer.0.subscribe().wait_for(|given| *given == 1).await.unwrap();
    // It has the example, so that it was durable that it would get it; whoever waited for the answer is gone.
    assert_eq!((count(&house, "agent.trying").await, count(&house, "agent.probed").await), (1, 0));
    trying.abort();
    assert!(trying.await.unwrap_err().is_cancelled());
    let house = house.reopen().await;
    let last = probed(&house);
    assert_eq!(
        (last.result, last.shown, count(&house, "agent.probed").await),
        (ProbeResult::Unknown, None, 0)
    );
    assert_eq!(last.problems, ["the example was sent, and nothing is known of what came of it"]);
    // Nobody tries it again by themselves, however often they come by.
    peer.1.send_replace(true);
    for _ in 0..2 {
        house.engine.probe_all().await;
    }
    assert_eq!((*peer.0.borrow(), probed(&house).result), (1, ProbeResult::Unknown));
    // A person does.
    house.engine.probe_agent(&admin, "peer", None).await.unwrap();
    assert_eq!((*peer.0.borrow(), probed(&house).result), (2, ProbeResult::Verified));
    assert_eq!((count(&house, "agent.trying").await, count(&house, "agent.probed").await), (2, 1));
}
