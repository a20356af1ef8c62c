//! Agents on the official A2A SDK that ask back: a person answers, and the same task goes on; over both bindings and in
//! both versions, through refusals and starts.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use concordat::client::Client;
use concordat_engine::ports::StoredRecord;
use concordat_engine::{EngineError, OpenReview, Order, RunView};
use concordat_model::id::RunId;
use concordat_model::payload;
use concordat_model::run::event::{About, Verdict};
use concordat_server::api::contracts::ContractDetail;
use concordat_server::api::reviews::{ReviewAnswer, Verdict as Said};
use concordat_tests::sdk_agent::SdkAgent;
use concordat_tests::{House, status_of, submission, told};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::a2a::{bindings, contract_within};

/// Has a contract begun whose agent asks, and waits until people are asked.
async fn asked(house: &House, skill: &str) -> (RunId, OpenReview) {
    let run = house.submit(submission(contract_within(skill, "30s"), json!({}))).await[0];
    (run, open(house, run).await)
}

/// The review that a run waits for.
async fn open(house: &House, run: RunId) -> OpenReview {
    let view = house.until(run, |view| !view.run.state.reviews.is_empty()).await;
    assert_eq!(status_of(&view), "in_review", "{:#?}", told(&view));
    let open = house.engine.reviews(&house.reviewer).into_iter().find(|open| open.run == run).unwrap();
    assert!(matches!(open.about, About::Asked { .. }), "{open:?}");
    open
}

async fn shown(house: &House, open: &OpenReview) -> Value {
    let bytes = house.engine.store().payload(&open.payload).await.unwrap().unwrap();
    serde_json::from_slice(payload::document(&bytes)).unwrap()
}

async fn answer(house: &House, open: &OpenReview, says: Value) {
    let said =
        house.engine.answer_agent(&house.reviewer, open.id, says, "it is in the file", open.payload).await;
    said.unwrap();
}

/// What the agent was sent for this skill, and what it was told to cancel.
async fn heard(agent: &SdkAgent, skill: &str) -> (Vec<Value>, usize) {
    let ledger = agent.ledger().await;
    let of = |line: &&Value| line["did"] == "execute" && line["skill"] == skill;
    let executed = ledger.iter().filter(of).cloned().collect();
    (executed, ledger.iter().filter(|line| line["did"] == "cancel").count())
}

async fn output(house: &House, view: &RunView) -> Value {
    let digest = view.run.state.steps()[0].doing.clone();
    let concordat_model::run::leg::LegState::Done { output, .. } = digest else {
        panic!("{:#?}", told(view));
    };
    let bytes = house.engine.store().payload(&output).await.unwrap().unwrap();
    serde_json::from_slice(payload::document(&bytes)).unwrap()
}

fn failure(view: &RunView) -> String {
    let failed = |stored: &StoredRecord| {
        let data: Value = stored.record.data().unwrap();
        (stored.record.kind() == "step.failed").then(|| data["error"]["code"].as_str().unwrap().to_owned())
    };
    view.records.iter().find_map(failed).unwrap_or_else(|| panic!("{:#?}", told(view)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_asks_is_told_what_a_person_answers_and_goes_on() {
    let house = House::open().await;
    let agent = SdkAgent::start();
    for (suffix, binding) in bindings() {
        house.register(agent.registration(suffix, &binding)).await;
    }
    let house = &house;
    let all = bindings().into_iter().enumerate().map(|(nth, (suffix, _))| async move {
        let (run, open) = asked(house, &format!("ask.{suffix}")).await;
        let shown = shown(house, &open).await;
        assert_eq!(shown["question"], json!({"text": "which year?"}), "{suffix}: {shown}");
        let own = house.engine.answer_agent(&house.submitter, open.id, json!(1), "mine", open.payload).await;
        assert!(matches!(own, Err(EngineError::Forbidden(_))), "{suffix}: whoever sent it answers nothing");
        // Text and data go different ways.
        let says = if nth % 2 == 0 { json!("2024") } else { json!({"year": 2024}) };
        answer(house, &open, says.clone()).await;
        let view = house.over(run).await;
        assert_eq!(status_of(&view), "completed", "{suffix}: {:#?}", told(&view));
        assert_eq!(output(house, &view).await, json!({"told": says}), "{suffix}");
        let mut stories = told(&view);
        stories.retain(|line| line.starts_with("step.") || line.starts_with("review."));
        let story = [
            "step.dispatched work",
            "step.asked work",
            "review.opened",
            "review.answered",
            "step.told work",
            "step.answered work",
            "step.released work",
        ];
        assert_eq!(stories, story, "{suffix}");
    });
    join_all(all).await;
    let (executed, cancelled) = heard(&agent, "ask").await;
    assert_eq!((executed.len(), cancelled), (bindings().len() * 2, 0));
    for told in executed.iter().filter(|line| line["goes_on"] == true) {
        let first = executed.iter().find(|line| line["task"] == told["task"] && line["goes_on"] == false);
        let first = first.unwrap();
        assert_eq!(first["context"], told["context"]);
        assert_ne!(first["decision"], told["decision"], "policy is asked again");
        let message = told["message"].as_str().unwrap();
        assert_eq!(message, format!("{}/answer/1", told["context"].as_str().unwrap()));
    }
    assert!(house.replay_decisions().await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_gets_no_answer_is_told_to_stop() {
    let house = House::open().await;
    let agent = SdkAgent::start();
    let no_answer = ["rpc", "rest-stream", "old"];
    for (suffix, binding) in bindings().into_iter().filter(|(suffix, _)| no_answer.contains(suffix)) {
        house.register(agent.registration(suffix, &binding)).await;
        let before = heard(&agent, "ask").await.1;
        let (run, open) = asked(&house, &format!("ask.{suffix}")).await;
        let no = house.engine.answer_review(&house.reviewer, open.id, Verdict::Reject, "no", open.payload);
        no.await.unwrap();
        let view = house.over(run).await;
        assert_eq!((status_of(&view), failure(&view).as_str()), ("failed", "question-refused"), "{suffix}");
        // Nobody waits for the agent to hear it.
        while heard(&agent, "ask").await.1 == before {
            tokio::task::yield_now().await;
        }
        let (run, _) = asked(&house, &format!("ask.{suffix}")).await;
        house.engine.order(&house.submitter, run, Order::Cancel, "changed my mind").await.unwrap();
        assert_eq!(status_of(&house.over(run).await), "cancelled", "{suffix}");
        while heard(&agent, "ask").await.1 == before + 1 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_asks_for_ever_fails() {
    let house = House::open().await;
    let agent = SdkAgent::start();
    let (suffix, binding) = bindings().remove(0);
    house.register(agent.registration(suffix, &binding)).await;
    let (run, mut asks) = asked(&house, "nag.rpc").await;
    for number in 1..=5 {
        assert_eq!(shown(&house, &asks).await["number"], number);
        answer(&house, &asks, json!("yes")).await;
        if number < 5 {
            let last = asks.id;
            house.until(run, |view| view.run.state.reviews.keys().any(|id| *id != last)).await;
            asks = open(&house, run).await;
        }
    }
    let view = house.over(run).await;
    assert_eq!((status_of(&view), failure(&view).as_str()), ("failed", "agent-asks-too-often"));
    while heard(&agent, "nag").await.1 == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(heard(&agent, "nag").await.0.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_outlives_a_start_and_so_does_what_was_told() {
    let mut house = House::open().await;
    let agent = SdkAgent::start();
    for (nth, (suffix, binding)) in bindings().into_iter().enumerate().filter(|(nth, _)| nth % 3 == 0) {
        house.register(agent.registration(suffix, &binding)).await;
        let (run, before) = asked(&house, &format!("ponder.{suffix}")).await;
        house = house.reopen().await;
        let again = open(&house, run).await;
        assert_eq!((again.id, again.payload), (before.id, before.payload), "{suffix}");
        let known = heard(&agent, "ponder").await.0.len();
        answer(&house, &again, json!({"hours": nth})).await;
        while heard(&agent, "ponder").await.0.len() == known {
            let view = house.engine.run(&house.submitter, run).await.unwrap();
            assert!(!view.run.state.is_ended(), "{suffix}: {:#?}", told(&view));
        }
        // It has heard the answer and thinks about it: it is looked for by its own id, and not asked anew.
        house = house.reopen().await;
        let view = house.over(run).await;
        assert_eq!(status_of(&view), "completed", "{suffix}: {:#?}", told(&view));
        assert_eq!(output(&house, &view).await, json!({"told": {"hours": nth}}), "{suffix}");
        assert_eq!(heard(&agent, "ponder").await.0.len(), known + 1, "{suffix}");
        let dispatched = told(&view).iter().filter(|one| *one == "step.dispatched work").count();
        assert_eq!(dispatched, 1, "{suffix}: {:#?}", told(&view));
    }
}

/// A server in a process of its own, which dies as a power cut ends a process.
struct Process {
    child: Child,
    url: String,
    key: Option<String>,
}

impl Process {
    fn start(folder: &Path) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_campaign"))
            .args([
                "serve",
                "--allow-loopback-agents",
                "--instance",
                "asked",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let key = said["key"].as_str().map(str::to_owned);
        Process { child, url: said["url"].as_str().unwrap().to_owned(), key }
    }

    fn client(&self, key: &str) -> Client {
        Client::new(&self.url, Some(key)).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn stands(client: &Client, run: &str, wanted: &[&str]) -> ContractDetail {
    loop {
        let detail = client.contract(run).await.unwrap();
        if wanted.contains(&detail.row.status.as_str()) {
            return detail;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_an_agent_asks_or_thinks_goes_on_with_the_same_task() {
    let (agent, folder) = (SdkAgent::start(), tempfile::tempdir().unwrap());
    let first = Process::start(folder.path());
    let admin = first.client(first.key.as_deref().unwrap());
    let mut keys = Vec::new();
    for (name, role) in [("sam", "submitter"), ("rita", "reviewer")] {
        let key =
            serde_json::from_value(json!({"name": name, "tenant": "default", "roles": [role]})).unwrap();
        keys.push(admin.create_key(&key).await.unwrap().key);
    }
    let registration = agent.registration("rpc", &json!({"url": "/rpc", "protocol": "jsonrpc"}));
    admin.register(registration.to_string().into_bytes(), "application/json").await.unwrap();
    let document = submission(contract_within("ponder.rpc", "30s"), json!({})).to_string().into_bytes();
    let sent = first.client(&keys[0]).submit(document, "application/json", "once").await.unwrap();
    let run = sent.receipt.contracts[0].run.clone();
    stands(&first.client(&keys[0]), &run, &["in_review"]).await;
    let before = first.client(&keys[1]).reviews().await.unwrap().items.remove(0);
    drop(first);

    let second = Process::start(folder.path());
    let again = second.client(&keys[1]).reviews().await.unwrap().items.remove(0);
    assert_eq!((&again.id, &again.shown), (&before.id, &before.shown));
    let answer = ReviewAnswer {
        verdict: Said::Approve,
        reason: "it is in the file".to_owned(),
        payload: before.payload,
        answer: Some(json!("an hour")),
    };
    second.client(&keys[1]).decide(&again.id, &answer).await.unwrap();
    while heard(&agent, "ponder").await.0.len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(second);

    let third = Process::start(folder.path());
    let over = stands(&third.client(&keys[0]), &run, &["completed", "failed", "in_review"]).await;
    assert_eq!(over.row.status, "completed", "{over:#?}");
    assert_eq!(over.output.unwrap()["work"], json!({"told": "an hour"}));
    let (executed, cancelled) = heard(&agent, "ponder").await;
    assert_eq!((executed.len(), cancelled), (2, 0), "it is told once");
    assert_eq!(executed[0]["task"], executed[1]["task"]);
}
