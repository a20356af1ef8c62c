//! Concordat as others' programs meet it: clients of the official SDKs hand it contracts by A2A, over both bindings, and
//! look at it by MCP, in both of its lives.

use std::io::Write as _;
use std::process::{Command, Stdio};

use concordat_engine::Engine;
use concordat_engine::ports::{Page, RunFilter};
use concordat_model::principal::Role;
use concordat_server::{Config, serve};
use concordat_tests::{House, foreign, status_of, told};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const CREDIT: &str = "Check the credit score of a loan applicant and assess the lending risk";

fn contract(domain: &str, steps: Value) -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "handed-over"},
        "spec": {
            "objective": CREDIT, "domain": domain, "governance": {"risk": "low", "reversible": true},
            "steps": steps,
        },
    })
}

fn check(skill: &str) -> Value {
    json!([{
        "id": "one", "skill": skill, "with": {"applicant_id": "ap-1001"},
        "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]},
    }])
}

pub(crate) async fn listen(engine: Engine) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, serve_on(engine, listener))
}

/// Serves the API until what this gives is dropped.
pub(crate) fn serve_on(engine: Engine, listener: TcpListener) -> oneshot::Sender<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(engine, listener, Config::default(), async move { drop(stopped.await) }));
    stop
}

/// What a program of the official SDK saw.
pub(crate) async fn seen(script: &str, told: Value) -> Value {
    let script = foreign::script(script);
    let run = move || {
        let mut command = Command::new(foreign::python());
        command
            .arg("-Wignore")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn holds(text: &Value, word: &str) {
    assert!(text.to_string().contains(word), "`{word}` is not in {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_official_a2a_sdk_hands_contracts_over() {
    let house = House::open().await;
    let (url, _stop) = listen(house.engine.clone()).await;
    let reviewer = house.key_text("rosa", "acme", Role::Reviewer).await;
    let stranger = house.key_text("stan", "globex", Role::Submitter).await;
    for binding in ["JSONRPC", "HTTP+JSON"] {
        let name = format!("sam-{}", binding.len());
        let submitter = house.key_text(&name, "acme", Role::Submitter).await;
        let seen = seen(
            "a2a_client.py",
            json!({
                "url": url, "binding": binding, "submitter": submitter, "reviewer": reviewer, "stranger": stranger,
                "work": contract("finance", check("check_credit")),
                "asked": contract("healthcare", check("check_credit")),
                "denied": contract("finance", check("read_minds")),
                "hang": contract("finance", json!([{"id": "one", "wait": {"event": "com.example.never"}}])),
            }),
        )
        .await;
        check_cards(&seen, &url);
        check_work(&seen);
        check_people(&seen, &name);
        check_refusals(&seen);
        check_list(&seen);
    }
}

fn check_cards(seen: &Value, url: &str) {
    let place = format!("{url}/a2a");
    assert_eq!(seen["card"], json!([[place, "JSONRPC", "1.0"], [place, "HTTP+JSON", "1.0"]]));
    // Who has no key is not told what an organisation works on.
    assert_eq!(seen["skills"], json!(["contract"]));
    holds(&seen["extended"], "loan-approval@1.2.0");
}

fn check_work(seen: &Value) {
    let done = &seen["blocking"];
    assert_eq!(done["state"], "TASK_STATE_COMPLETED", "{done}");
    assert_eq!(done["context"], "quarter-3");
    assert_eq!(done["artifacts"][0][0]["one"]["applicant_id"], "ap-1001");
    // The same message is the same task, and another one under its id is none.
    assert_eq!(seen["again"], *done);
    assert_eq!(seen["changed"]["error"], "InvalidParamsError");
    assert_eq!(seen["at_once"], "TASK_STATE_WORKING");
    assert_eq!(seen["stream"], json!(["task", "artifact_update", "TASK_STATE_COMPLETED"]));
    assert_eq!(seen["streamed"][0][0]["one"]["applicant_id"], "ap-1001");
    assert_eq!(seen["cancelled_end"]["state"], "TASK_STATE_CANCELED");
    holds(&seen["cancelled_end"]["text"], "no longer wanted");
    assert_eq!(seen["cancelled_again"]["error"], "TaskNotCancelableError");
    assert_eq!(seen["followed"], json!(["task", "TASK_STATE_CANCELED"]));
}

fn check_people(seen: &Value, submitter: &str) {
    let asked = &seen["asked"];
    assert_eq!(asked["state"], "TASK_STATE_INPUT_REQUIRED", "{asked}");
    holds(&asked["text"], "the declared domain is not the one that the text belongs to");
    holds(&asked["data"][0]["reviews"][0]["review"]["id"], "rev_");
    assert_eq!(
        seen["answered_by_message"]["error"], "UnsupportedOperationError",
        "{submitter} answers itself"
    );
    assert_eq!(seen["approved"]["state"], "TASK_STATE_COMPLETED");
    let watched = json!(["task", "TASK_STATE_WORKING", "artifact_update", "TASK_STATE_COMPLETED"]);
    assert_eq!(seen["watched"], watched);
    let denied = &seen["denied"];
    assert_eq!(denied["state"], "TASK_STATE_REJECTED", "{denied}");
    holds(&denied["data"][0]["decision"], "dec_");
    assert_eq!(denied["data"][0]["reasons"][0]["code"], "skill_missing");
}

fn check_refusals(seen: &Value) {
    for (what, error, word) in [
        ("foreign", "TaskNotFoundError", "there is no task"),
        ("subscribed_late", "UnsupportedOperationError", "is over"),
        ("after_the_end", "UnsupportedOperationError", "is over"),
        ("words", "ContentTypeNotSupportedError", "send one data part"),
        ("wrong_document", "InvalidParamsError", "there is no template"),
        ("wrong_key", "A2AClientError", "401"),
        ("no_context", "InvalidParamsError", "no control characters"),
        ("may_not", "A2AClientError", ""),
    ] {
        assert_eq!(seen[what]["error"], error, "{what}: {}", seen[what]);
        holds(&seen[what]["text"], word);
    }
}

fn check_list(seen: &Value) {
    assert_eq!(seen["pages"], json!([2, 2, 1]));
    assert_eq!(seen["total"], 5);
    assert_eq!(seen["without_artifacts"], true);
    assert_eq!(seen["in_context"], json!([seen["blocking"]["id"]]));
    assert_eq!(seen["cancelled_ones"], json!([seen["cancelled_end"]["id"]]));
    assert_eq!(seen["listed"][0], seen["denied"]["id"], "newest first");
    assert_eq!(seen["strangers"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_official_mcp_sdk_looks_and_plans() {
    let house = House::open().await;
    let (url, _stop) = listen(house.engine.clone()).await;
    let submitter = house.key_text("max", "acme", Role::Submitter).await;
    let viewer = house.key_text("vera", "acme", Role::Viewer).await;
    let work = contract("finance", check("check_credit"));
    let theirs = house.key("stan", "globex", Role::Submitter).await;
    let foreign = house.engine.submit(&theirs, work.clone(), None).await.unwrap().receipt.contracts[0].run;
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let before = house.log_size().await;
        let seen = seen(
            "mcp_client.py",
            json!({
                "url": url, "mode": mode, "submitter": submitter, "viewer": viewer, "foreign": foreign.to_string(),
                "work": work,
            }),
        )
        .await;
        assert_eq!(seen["version"], version);
        // What a model may do by itself is told by name.
        holds(&seen["instructions"], "dryRun");
        let tools = json!({
            "search_contracts": true, "get_contract": true, "why": true, "plan": true, "submit": false,
        });
        assert_eq!((&seen["tools"], &seen["schemas"]), (&tools, &json!(true)));
        for tried in ["planned", "tried"] {
            assert_eq!(seen[tried]["data"]["contracts"][0]["decision"]["answer"]["kind"], "permit");
        }
        assert_eq!(seen["tried"]["data"]["submitted"], false);
        holds(&seen["without_key"], "idempotency-key-missing");
        assert_eq!(seen["submitted"]["data"]["submitted"], true);
        assert_eq!(seen["again"], seen["submitted"]);
        let run = &seen["submitted"]["data"]["contracts"][0]["run"];
        assert_eq!(seen["got"]["data"]["run"], *run);
        assert_eq!(seen["why"]["error"], false, "{}", seen["why"]);
        assert_eq!(seen["found"]["data"]["items"][0]["run"], *run);
        assert_eq!(seen["missing"]["data"]["code"], "not-found", "{}", seen["missing"]);
        assert_eq!(seen["odd"]["data"]["code"], "document-invalid");
        holds(&seen["unknown"]["text"], "there is no tool");
        assert_eq!(seen["may_not"]["data"]["code"], "policy-forbidden", "{}", seen["may_not"]);
        assert_ne!(seen["wrong_key"], "let in");
        assert!(house.log_size().await > before);
    }
    let mine = house.engine.store().runs(&RunFilter::default(), Page::LARGEST).await.unwrap();
    assert_eq!(mine.len(), 3, "what was only tried left nothing behind");
}

/// One Concordat as an agent of another: its contexts are no names, its work is a contract, its key a credential.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_concordat_is_an_agent_of_another() {
    let inner = House::open().await;
    let (url, _stop) = listen(inner.engine.clone()).await;
    let key = inner.key_text("outer", "acme", Role::Submitter).await;
    let outer = House::open().await;
    let admin = outer.key("regina", "acme", Role::RegistryAdmin).await;
    for (protocol, answers) in [("jsonrpc", "streaming"), ("http_json", "polling")] {
        let name = format!("inner-{answers}");
        outer
            .register(json!({
                "name": name, "owner": "inner.example", "domains": ["finance"],
                "binding": {"type": "a2a", "url": format!("{url}/a2a"), "protocol": protocol, "answers": answers},
                "skills": [{"name": name}],
            }))
            .await;
        let credentials = vec![json!({"type": "bearer", "token": key})];
        outer.engine.set_credentials(&admin, &name, credentials, "they know us").await.unwrap();
        let step = json!([{
            "id": "a_long_step", "skill": name, "with": {"contract": contract("finance", check("check_credit"))},
        }]);
        let view = outer.carry_out(contract("finance", step), json!({})).await;
        assert_eq!(status_of(&view), "completed", "{:#?}", told(&view));
    }
    let runs = inner.engine.store().runs(&RunFilter::default(), Page::LARGEST).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.status == "completed" && run.submitter.as_str() == "outer"));
    assert!(!concordat_tests::files_hold(&outer, &key));
}
