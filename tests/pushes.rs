//! Webhooks of tasks: clients of the official SDK set them, receivers fail and are tried again, and nothing of what they
//! recognise us by stands anywhere in the clear.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use concordat_engine::ports::Page;
use concordat_engine::ports::{RecordFilter, Webhook};
use concordat_model::id::RunId;
use concordat_model::principal::Role;
use concordat_tests::{House, files_hold, submission};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::peers::{listen, seen};

/// Waits for people's word, which is an event, and then works.
fn waiting() -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "pushed"},
        "spec": {
            "objective": "Check the credit score of a loan applicant and assess the lending risk",
            "domain": "finance", "governance": {"risk": "low", "reversible": true},
            "steps": [
                {"id": "word", "wait": {"event": "com.example.go"}},
                {"id": "one", "needs": ["word"], "skill": "check_credit", "with": {"applicant_id": "ap-1001"},
                 "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]}},
            ],
        },
    })
}

/// Somebody who is told things, and takes them only after so many tries.
struct Receiver {
    url: String,
    told: mpsc::UnboundedReceiver<(HeaderMap, Value)>,
}

#[derive(Clone)]
struct Desk {
    refuse: Arc<Mutex<usize>>,
    told: mpsc::UnboundedSender<(HeaderMap, Value)>,
}

impl Receiver {
    async fn refusing(times: usize) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?box=7", listener.local_addr().unwrap());
        let (sender, told) = mpsc::unbounded_channel();
        let desk = Desk { refuse: Arc::new(Mutex::new(times)), told: sender };
        let app = Router::new().route("/in", post(take)).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Receiver { url, told }
    }

    /// What it is told until a task is over, shortly.
    async fn until_over(&mut self, task: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let (headers, body) = self.told.recv().await.unwrap();
            assert_eq!(headers["x-a2a-notification-token"], "t0k3n-of-the-task");
            assert_eq!(headers["authorization"], "Bearer cr3dentials-of-the-hook");
            assert_eq!(headers["content-type"], "application/a2a+json");
            let update = body.get("statusUpdate").or(body.get("artifactUpdate")).unwrap();
            assert_eq!(update["taskId"], task);
            let word = update["status"]["state"].as_str().unwrap_or("artifact").to_owned();
            let over = word == "TASK_STATE_COMPLETED" || word == "TASK_STATE_CANCELED";
            heard.push(word);
            if over {
                return heard;
            }
        }
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: String) -> StatusCode {
    let mut refuse = desk.refuse.lock();
    if *refuse > 0 {
        *refuse -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    desk.told.send((headers, serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::NO_CONTENT
}

fn webhook(receiver: &Receiver) -> Webhook {
    Webhook {
        url: receiver.url.clone(),
        token: Some("t0k3n-of-the-task".to_owned()),
        authorization: Some(("Bearer".to_owned(), "cr3dentials-of-the-hook".to_owned())),
    }
}

async fn go(house: &House, id: &str) {
    let submitter = house.key("tess", "acme", Role::Submitter).await;
    let event = json!({"specversion": "1.0", "id": id, "source": "/tests", "type": "com.example.go"});
    house.engine.publish(&submitter, serde_json::from_value(event).unwrap()).await.unwrap();
}

async fn ended(house: &House) -> Vec<String> {
    let filter = RecordFilter { types: vec!["push.ended".to_owned()], ..RecordFilter::default() };
    let records = house.engine.store().records(&filter, Page::LARGEST).await.unwrap();
    let why = |data: Value| data["why"].as_str().unwrap().to_owned();
    records.iter().map(|stored| why(stored.record.data().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_official_sdk_is_told_by_webhook() {
    let house = House::open().await;
    let (url, _stop) = listen(house.engine.clone()).await;
    for (nth, binding) in ["JSONRPC", "HTTP+JSON"].into_iter().enumerate() {
        let mut receiver = Receiver::refusing(2).await;
        let key = house.key_text(&format!("paul-{nth}"), "acme", Role::Submitter).await;
        let seen = seen(
            "a2a_push.py",
            json!({
                "url": url, "binding": binding, "key": key, "work": waiting(), "hook": receiver.url,
                "token": "t0k3n-of-the-task", "credentials": "cr3dentials-of-the-hook",
            }),
        )
        .await;
        assert_eq!(seen["declared"], true);
        let (task, second) = (seen["task"].as_str().unwrap(), &seen["made"]);
        // What the webhook recognises us by is not shown again.
        let shown = json!({
            "id": "second", "taskId": task, "url": receiver.url, "authentication": {"scheme": "Bearer"},
        });
        assert_eq!((second, &seen["got"]), (&shown, &shown));
        assert_eq!((&seen["listed"], &seen["left"]), (&json!(["first", "second"]), &json!(["first"])));
        assert_eq!(seen["gone"]["error"], "TaskNotFoundError");
        assert_eq!(seen["nothing"]["error"], "TaskNotFoundError");
        for (what, word) in [("inside", "link-local"), ("plain", "plain http")] {
            assert_eq!(seen[what]["error"], "InvalidParamsError", "{}", seen[what]);
            assert!(seen[what]["text"].to_string().contains(word), "{}", seen[what]);
        }
        go(&house, &format!("go-{nth}")).await;
        let heard = receiver.until_over(task).await;
        let end = ["artifact", "TASK_STATE_COMPLETED"].map(str::to_owned);
        assert!(heard.ends_with(&end), "{heard:?}");
        house.engine.run(&house.submitter, task.parse().unwrap()).await.unwrap();
    }
}

/// A contract of the house's submitter that waits.
async fn hanging(house: &House) -> RunId {
    house.submit(submission(waiting(), json!({}))).await[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_outlive_a_restart_and_stand_nowhere_in_the_clear() {
    let house = House::open().await;
    let mut receiver = Receiver::refusing(1).await;
    let run = hanging(&house).await;
    house.engine.set_push(&house.submitter, run, None, &webhook(&receiver)).await.unwrap();
    let house = house.reopen().await;
    assert_eq!(house.engine.pushes(&house.submitter, run).await.unwrap().len(), 1);
    go(&house, "go").await;
    house.over(run).await;
    // Nobody told it before; now somebody does.
    let (_, _stop) = listen(house.engine.clone()).await;
    let heard = receiver.until_over(&run.to_string()).await;
    assert_eq!(heard, ["artifact", "TASK_STATE_COMPLETED"]);
    let mut news = house.engine.log_size();
    while ended(&house).await != ["told"] {
        news.changed().await.unwrap();
    }
    assert!(house.engine.pushes(&house.submitter, run).await.unwrap().is_empty());
    for secret in ["t0k3n-of-the-task", "cr3dentials-of-the-hook", "box=7"] {
        assert!(!files_hold(&house, secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_its_owners_and_there_are_few_of_a_contract() {
    let house = House::open().await;
    let receiver = Receiver::refusing(0).await;
    let hook = webhook(&receiver);
    let run = hanging(&house).await;
    for name in ["a", "b", "c", "d", "e", "a"] {
        house.engine.set_push(&house.submitter, run, Some(name), &hook).await.unwrap();
    }
    let refused = house.engine.set_push(&house.submitter, run, Some("f"), &hook).await.unwrap_err();
    assert!(refused.to_string().contains("at most 5"), "{refused}");
    assert_eq!(ended(&house).await, ["replaced"]);
    // Who may see the contract sees the webhooks of nobody else.
    assert!(house.engine.pushes(&house.reviewer, run).await.unwrap().is_empty());
    let stranger = house.key("stan", "globex", Role::Submitter).await;
    assert!(house.engine.pushes(&stranger, run).await.is_err());
    assert!(house.engine.set_push(&stranger, run, None, &hook).await.is_err());
    house.engine.remove_push(&house.reviewer, run, "a").await.unwrap();
    assert_eq!(house.engine.pushes(&house.submitter, run).await.unwrap().len(), 5);
    house.engine.remove_push(&house.submitter, run, "a").await.unwrap();
    assert_eq!(house.engine.pushes(&house.submitter, run).await.unwrap().len(), 4);
}
