//! What an agent knows us by: sent to its origin alone, changed from one attempt to the next, and nowhere in the clear.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use concordat_engine::Caller;
use concordat_engine::ports::{Page, RecordFilter};
use concordat_model::agent::KnownBy;
use concordat_model::principal::Role;
use concordat_tests::{House, files_hold};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::a2a::outcome;
use crate::peers::listen;

/// An agent that does everything, and remembers what it was told in `Authorization`.
struct Peer {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn start() -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let app = Router::new().route("/execute", post(execute)).with_state(heard.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Peer { url, heard }
    }

    fn registration(&self) -> Value {
        json!({
            "name": "peer", "owner": "peer.example", "domains": ["finance"],
            "binding": {"type": "execute", "url": self.url},
            "skills": [{"name": "keyed", "output": {"type": "object"}, "example": {"a": 1}}],
        })
    }

    /// What it was told last, and that it was told nothing else since.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock())
    }
}

async fn execute(
    State(heard): State<Arc<Mutex<Vec<String>>>>,
    headers: HeaderMap,
    Json(call): Json<Value>,
) -> Json<Value> {
    let told = headers.get("authorization").map_or("", |told| told.to_str().unwrap());
    heard.lock().push(told.to_owned());
    Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": {"score": 700}}))
}

fn bearer(token: &str) -> Vec<Value> {
    vec![json!({"type": "bearer", "token": token})]
}

/// What the agent is told when its skill is tried.
async fn tried(house: &House, admin: &Caller, peer: &Peer) -> Vec<String> {
    house.engine.probe_agent(admin, "peer", None).await.unwrap();
    peer.heard()
}

/// Which of these the store still has the sealed form of. What it has not, a record says so of.
async fn kept(house: &House, all: &[&KnownBy]) -> Vec<bool> {
    let store = house.engine.store();
    let mut kept = Vec::new();
    for one in all {
        let there = store.payload(&one.content).await.unwrap().is_some();
        let said = store.forgotten(one.owner.as_ref().unwrap()).await.unwrap();
        assert_eq!(said.is_none(), there);
        if let Some(record) = said {
            let record = store.record(&record).await.unwrap().unwrap().record;
            let data: Value = record.data().unwrap();
            assert_eq!((record.kind(), &data["owners"][0]), ("erasure.executed", &json!(one.owner)));
        }
        kept.push(there);
    }
    kept
}

async fn types(house: &House) -> Vec<String> {
    let types = ["agent.credentials_set", "agent.credentials_removed"].map(str::to_owned).to_vec();
    let filter = RecordFilter { types, ..RecordFilter::default() };
    let records = house.engine.store().records(&filter, Page::LARGEST).await.unwrap();
    records.iter().map(|stored| stored.record.kind().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_attempt_takes_the_credentials_that_are_set_then() {
    let house = House::open().await;
    let admin = house.key("regina", "acme", Role::RegistryAdmin).await;
    let (peer, other) = (Peer::start().await, Peer::start().await);
    house.register(peer.registration()).await;
    assert_eq!(tried(&house, &admin, &peer).await, [""]);
    let set = async |house: &House, token: &str| {
        house.engine.set_credentials(&admin, "peer", bearer(token), "a new contract with them").await
    };
    let first = set(&house, "t0ps3cret-one").await.unwrap().credentials.clone().unwrap();
    let said = outcome(&house, "keyed").await;
    assert!(said.starts_with("completed"), "{said}");
    assert_eq!(peer.heard(), ["Bearer t0ps3cret-one"]);
    let second = set(&house, "t0ps3cret-two").await.unwrap().credentials.clone().unwrap();
    assert_eq!(tried(&house, &admin, &peer).await, ["Bearer t0ps3cret-two"]);
    assert_eq!((first.kind.as_str(), first.origin == peer.url), ("bearer", true));
    assert_ne!(first.fingerprint, second.fingerprint);
    // What was replaced is gone for good; what is in force outlives a restart.
    assert_eq!(kept(&house, &[&first, &second]).await, [false, true]);
    let house = house.reopen().await;
    assert_eq!(tried(&house, &admin, &peer).await, ["Bearer t0ps3cret-two"]);
    // Another origin is not told them, and the old one is again.
    for (place, told) in [(&other, ""), (&peer, "Bearer t0ps3cret-two")] {
        let seen = house.engine.agent("peer").unwrap().revision;
        let moved = place.registration();
        house.engine.revise_agent(&admin, "peer", seen, moved, "it has moved").await.unwrap();
        assert_eq!(tried(&house, &admin, place).await, [told]);
    }
    assert_eq!(kept(&house, &[&first, &second]).await, [false, true]);
    house.engine.remove_credentials(&admin, "peer", "no longer needed").await.unwrap();
    assert_eq!(tried(&house, &admin, &peer).await, [""]);
    assert_eq!(kept(&house, &[&first, &second]).await, [false, false]);
    assert!(house.engine.remove_credentials(&admin, "peer", "again").await.is_err());
    let set = "agent.credentials_set";
    assert_eq!(types(&house).await, [set, set, "agent.credentials_removed"]);
    assert!(!files_hold(&house, "t0ps3cret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sets_credentials_is_permitted_and_gives_a_reason() {
    let house = House::open().await;
    let admin = house.key("regina", "acme", Role::RegistryAdmin).await;
    let peer = Peer::start().await;
    house.register(peer.registration()).await;
    let token = || bearer("t0ps3cret");
    let engine = &house.engine;
    let refused = engine.set_credentials(&house.submitter, "peer", token(), "mine").await.unwrap_err();
    assert!(refused.to_string().contains("policy does not permit"), "{refused}");
    let refused = engine.set_credentials(&admin, "peer", token(), " ").await.unwrap_err();
    assert!(refused.to_string().contains("says why"), "{refused}");
    for (odd, word) in [
        (vec![], "give one credential"),
        (vec![json!("t0ps3cret")], "an object"),
        (
            vec![json!({"type": "bearer", "token": "t0ps3cret", "origin": "http://a.example"})],
            "leave `origin` out",
        ),
        (vec![json!({"type": "bearer", "key": "t0ps3cret"})], "are not a list"),
        (vec![json!({"type": "bearer", "token": "t0ps3cret\n"})], "visible ASCII"),
        (bearer("t0ps3cret").into_iter().chain(token()).collect(), "two credentials"),
    ] {
        let refused = engine.set_credentials(&admin, "peer", odd, "a test").await.unwrap_err().to_string();
        assert!(refused.contains(word) && !refused.contains("t0ps3cret"), "{refused}");
    }
    assert!(types(&house).await.is_empty());
    assert_eq!(tried(&house, &admin, &peer).await, [""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_takes_credentials_and_never_shows_them() {
    let house = House::open().await;
    let peer = Peer::start().await;
    house.register(peer.registration()).await;
    let (url, _stop) = listen(house.engine.clone()).await;
    let key = house.key_text("regina", "acme", Role::RegistryAdmin).await;
    let client = reqwest::Client::new();
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let request = client.request(method, format!("{url}/v1/agents/peer{path}")).bearer_auth(&key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let given =
        json!({"credentials": {"type": "api_key", "header": "x-key", "key": "t0ps3cret"}, "reason": "new"});
    let (status, text) = ask(Method::PUT, "/credentials", Some(given)).await;
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &shown["credentials"]["used"]), (200, &json!(true)), "{text}");
    assert_eq!(shown["credentials"]["kind"], "api_key");
    let (_, again) = ask(Method::GET, "", None).await;
    assert!(!text.contains("t0ps3cret") && !again.contains("t0ps3cret"), "{again}");
    let odd = json!({"credentials": "t0ps3cret", "reason": "new"});
    let (status, text) = ask(Method::PUT, "/credentials", Some(odd)).await;
    assert!(status == 422 && !text.contains("t0ps3cret"), "{status} {text}");
    assert_eq!(ask(Method::DELETE, "/credentials?reason=gone", None).await.0, 200);
    assert_eq!(ask(Method::DELETE, "/credentials?reason=gone", None).await.0, 409);
    assert!(!files_hold(&house, "t0ps3cret"));
}
