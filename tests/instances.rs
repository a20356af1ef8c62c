//! Agents with several instances: the quick one gets the work, a broken one does no harm, what has to stay in a region
//! stays there, and credentials go to their own origin only. What the log says of where work went is what the instances
//! saw.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use concordat::demo::agents::{Manner, Mood, SampleAgent, fleet, serve};
use concordat_agents::egress::Egress;
use concordat_agents::{Credentials, HttpAgents};
use concordat_engine::ports::{Page, RecordFilter};
use concordat_engine::{Caller, Placing, RunView};
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::payload;
use concordat_model::principal::Role;
use concordat_policy::input::{BreakerState, DispatchInput};
use concordat_policy::would_send;
use concordat_tests::{House, Storage, first_caller, start_with, status_of, submission, told};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What an instance was sent: each request's `Authorization`.
type Seen = Arc<Mutex<Vec<Option<String>>>>;

/// An instance that answers what it takes, each time after a while.
async fn listen(takes: Duration) -> (String, Seen) {
    let seen = Seen::default();
    let answer = move |State(seen): State<Seen>, headers: HeaderMap, Json(call): Json<Value>| async move {
        let known = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        seen.lock().push(known);
        tokio::time::sleep(takes).await;
        let output = json!({"applicant_id": "ap-1001", "score": 700, "check_id": "chk-1"});
        Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": output}))
    };
    let router = Router::new().route("/execute", post(answer)).with_state(seen.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

/// One of the sample agents, which works well, on a port of its own.
async fn employ(name: &str) -> (String, SampleAgent) {
    let agent = fleet().into_iter().find(|one| one.profile().name == name).unwrap();
    agent.set_mood(Mood::always(Manner::Work));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(agent.clone(), listener, std::future::pending()));
    (url, agent)
}

fn twin(instances: &[(&str, &str)]) -> Value {
    let places: Vec<Value> =
        instances.iter().map(|(url, region)| json!({"url": url, "region": region})).collect();
    json!({
        "name": "twin", "owner": "bureau.example", "domains": ["finance"], "skills": [{"name": "check_credit"}],
        "binding": {"type": "execute", "url": instances[0].0}, "instances": places,
        "compliance": ["GDPR", "SOX"], "dataClasses": ["pii", "financial"],
    })
}

fn contract() -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "check"},
        "spec": {
            "objective": "Check the credit score of a loan applicant and assess the lending risk",
            "domain": "finance", "governance": {"risk": "low", "reversible": true},
            "steps": [{
                "id": "credit", "skill": "check_credit", "with": {"applicant_id": "ap-1001"}, "effect": "idempotent",
                "retry": {"max": 10, "backoff": "1ms", "on": ["unavailable"]},
            }],
        },
    })
}

/// A house in which only the twin checks credit.
async fn house(instances: &[(&str, &str)]) -> (House, Caller, AgentId) {
    let house = House::open().await;
    let ada = house.key("ada", "acme", Role::RegistryAdmin).await;
    let skill = "check_credit".parse().unwrap();
    for agent in house.engine.agents().iter().filter(|agent| agent.registration.skill(&skill).is_some()) {
        let (id, why) = (agent.id.to_string(), "the twin does it");
        house.engine.place_agent(&ada, &id, Placing::Suspend, why).await.unwrap();
    }
    house.register(twin(instances)).await;
    let id = house.engine.agent("twin").unwrap().id;
    (house, ada, id)
}

/// How many times work was sent to each instance, as the log says; and each choice is the same when it is made again.
async fn sent(house: &House, agent: AgentId) -> BTreeMap<String, usize> {
    let store = house.engine.store();
    let of = |kind: &str| RecordFilter { types: vec![kind.to_owned()], ..RecordFilter::default() };
    let mut decisions = BTreeMap::new();
    for stored in store.records(&of("gate.decided"), Page::LARGEST).await.unwrap() {
        let data: Value = stored.record.data().unwrap();
        decisions.insert(data["decision"]["id"].as_str().unwrap().to_owned(), data["decision"].clone());
    }
    let mut sent = BTreeMap::new();
    for stored in store.records(&of("step.dispatched"), Page::LARGEST).await.unwrap() {
        let data: Value = stored.record.data().unwrap();
        let instance = data["instance"].as_str().unwrap().to_owned();
        let decision = decisions[data["decision"].as_str().unwrap()].clone();
        let decision: concordat_model::decision::Decision = serde_json::from_value(decision).unwrap();
        let input = store.payload(&decision.provenance.input).await.unwrap().unwrap();
        let input: DispatchInput = serde_json::from_slice(payload::document(&input)).unwrap();
        let run = stored.record.subject();
        let seed = Digest::of(format!("{run}/{}", decision.id).as_bytes());
        assert_eq!(would_send(&input, &decision, agent, *seed.bytes()).as_ref(), Some(&instance));
        *sent.entry(instance).or_insert(0) += 1;
    }
    assert!(house.replay_decisions().await > sent.len());
    sent
}

async fn carry_out(house: &House) -> RunView {
    let run = house.submit(submission(contract(), json!({}))).await[0];
    house.over(run).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quick_instance_gets_most_of_the_work() {
    let (quick, agent) = employ("credit-express").await;
    let (slow, seen) = listen(Duration::from_millis(250)).await;
    let (house, _, id) = house(&[(&slow, "eu"), (&quick, "eu")]).await;
    for _ in 0..16 {
        let view = carry_out(&house).await;
        assert_eq!(status_of(&view), "completed", "{:#?}", told(&view));
    }
    let sent = sent(&house, id).await;
    let (at_quick, at_slow) = (agent.ledger().len(), seen.lock().len());
    assert_eq!((sent.get(&quick), sent.get(&slow).copied().unwrap_or(0)), (Some(&at_quick), at_slow));
    assert!(at_quick >= 3 * at_slow, "{at_quick} to the quick one, {at_slow} to the slow one");
    let limits = house.engine.limits_of(&house.engine.agent("twin").unwrap());
    let calls = |url: &str| {
        let one = limits.instances.iter().find(|one| one.load.url == url);
        one.and_then(|one| one.health).map_or(0, |health| usize::try_from(health.calls).unwrap())
    };
    assert_eq!((calls(&quick), calls(&slow)), (at_quick, at_slow));
    let health = limits.health.unwrap();
    assert_eq!((health.calls, health.errors.sum()), (16, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_gone_does_no_harm() {
    let (well, agent) = employ("credit-express").await;
    let (house, _, id) = house(&[("http://127.0.0.1:9", "eu"), (&well, "eu")]).await;
    for _ in 0..12 {
        let view = carry_out(&house).await;
        assert_eq!(status_of(&view), "completed", "{:#?}", told(&view));
    }
    let sent = sent(&house, id).await;
    assert_eq!((sent.get(&well), agent.ledger().len()), (Some(&12), 12));
    let twin = house.engine.agent("twin").unwrap();
    let limits = house.engine.limits_of(&twin);
    assert!(limits.skills.iter().all(|skill| skill.breaker == BreakerState::Closed), "{limits:?}");
    let tried = sent.get("http://127.0.0.1:9").copied().unwrap_or(0);
    assert_eq!(limits.health.map(|health| usize::try_from(health.errors.unavailable).unwrap()), Some(tried));
}

/// An instance that breaks its first answer off, and remembers under which key each request came.
async fn breaks_off_once() -> (String, Arc<Mutex<Vec<String>>>) {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let answer = |State(keys): State<Arc<Mutex<Vec<String>>>>,
                  headers: HeaderMap,
                  Json(call): Json<Value>| async move {
        keys.lock().push(headers["idempotency-key"].to_str().unwrap().to_owned());
        if keys.lock().len() == 1 {
            return Err(StatusCode::BAD_GATEWAY);
        }
        let output = json!({"applicant_id": "ap-1001", "score": 700, "check_id": "chk-1"});
        Ok(Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": output})))
    };
    let router = Router::new().route("/execute", post(answer)).with_state(keys.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_done_is_tried_again_where_it_may_have_been_done() {
    for effect in ["idempotent", "none"] {
        let (one, at_one) = breaks_off_once().await;
        let (other, at_other) = breaks_off_once().await;
        let (house, _, id) = house(&[(&one, "eu"), (&other, "eu")]).await;
        let mut contract = contract();
        contract["spec"]["steps"][0]["effect"] = json!(effect);
        contract["spec"]["steps"][0]["retry"]["on"] = json!(["timeout"]);
        let run = house.submit(submission(contract, json!({}))).await[0];
        let view = house.over(run).await;
        assert_eq!(status_of(&view), "completed", "{effect}: {:#?}", told(&view));
        // Each choice can be made again from the log, too.
        let sent = sent(&house, id).await;
        let keys = [at_one.lock().clone(), at_other.lock().clone()];
        match effect {
            // Whoever may have done it knows it by its key; the other would have been quicker, as far as anybody knows.
            "idempotent" => {
                assert_eq!(sent.into_values().collect::<Vec<_>>(), [2]);
                let (asked, spared) =
                    if keys[0].is_empty() { (&keys[1], &keys[0]) } else { (&keys[0], &keys[1]) };
                assert_eq!((asked.len(), spared.len()), (2, 0));
                assert_eq!(asked[0], asked[1]);
            }
            // What does nothing may be done anywhere.
            _ => assert_eq!(sent.len(), 2, "{sent:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_go_to_their_own_origin_only() {
    let folder = tempfile::tempdir().unwrap();
    let database = Storage::Sqlite.fresh(&folder);
    let (own, at_own) = listen(Duration::from_millis(20)).await;
    let (foreign, at_foreign) = listen(Duration::from_millis(20)).await;
    let known = json!([{"origin": own, "type": "bearer", "token": "s3cret"}]).to_string();
    let egress = Egress { allow_loopback: true, ..Egress::default() };
    let agents = HttpAgents::known_by(egress, Credentials::read(&known).unwrap());
    let engine = start_with(&database, Arc::new(agents)).await;
    let ada = first_caller(&engine).await;
    engine.register_agent(&ada, twin(&[(&own, "eu"), (&foreign, "us")])).await.unwrap();
    let mut news = engine.log_size();
    // What nothing is known of comes first, so that both are sent something soon.
    for _ in 0..40 {
        let accepted = engine.submit(&ada, submission(contract(), json!({})), None).await.unwrap();
        let run = accepted.receipt.contracts[0].run;
        while !engine.run(&ada, run).await.unwrap().run.state.is_ended() {
            news.changed().await.unwrap();
        }
        if !at_own.lock().is_empty() && !at_foreign.lock().is_empty() {
            break;
        }
    }
    assert!(at_own.lock().iter().all(|known| known.as_deref() == Some("Bearer s3cret")));
    assert!(at_foreign.lock().iter().all(Option::is_none) && !at_foreign.lock().is_empty());
    engine.stop().await;
}
