//! Contracts that are carried out by an agent on the official A2A SDK, over both bindings and in both versions.

use std::collections::BTreeSet;

use concordat_engine::{Approval, Order, RunView};
use concordat_model::payload;
use concordat_model::principal::Role;
use concordat_tests::sdk_agent::SdkAgent;
use concordat_tests::{House, status_of, submission, told};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::peers::serve_on;

/// The suffix of its skills, how it answers, and the interface: every way to speak to it.
pub(crate) fn bindings() -> Vec<(&'static str, Value)> {
    vec![
        ("rpc", json!({"url": "/rpc", "protocol": "jsonrpc"})),
        ("rpc-poll", json!({"url": "/rpc", "protocol": "jsonrpc", "answers": "polling"})),
        ("rpc-stream", json!({"url": "/rpc", "protocol": "jsonrpc", "answers": "streaming"})),
        ("rest", json!({"url": "/rest", "protocol": "http_json"})),
        ("rest-poll", json!({"url": "/rest", "protocol": "http_json", "answers": "polling"})),
        ("rest-stream", json!({"url": "/rest", "protocol": "http_json", "answers": "streaming"})),
        ("old", json!({"url": "/rpc", "protocol": "jsonrpc", "version": "0.3"})),
        (
            "old-stream",
            json!({"url": "/rpc", "protocol": "jsonrpc", "version": "0.3", "answers": "streaming"}),
        ),
    ]
}

fn contract(skill: &str) -> Value {
    contract_within(skill, if skill.starts_with("stuck") { "4s" } else { "30s" })
}

pub(crate) fn contract_within(skill: &str, timeout: &str) -> Value {
    json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "test"}, "spec": {
        "objective": "Check the credit of a loan applicant and assess the lending risk",
        "requirements": ["Check the applicant's credit score", "Assess the loan's risk"],
        "domain": "finance",
        "governance": {"risk": "low", "reversible": true},
        "steps": [{"id": "work", "skill": skill, "with": {"applicant_id": "ap-1", "amount": 5000}, "timeout": timeout}],
    }})
}

/// What the run says became of the step: its output, or the code and message of its failure.
pub(crate) async fn outcome(house: &House, skill: &str) -> String {
    outcome_of(house, skill, &house.carry_out(contract(skill), json!({})).await).await
}

/// What a run says became of its step that was cancelled while an agent had it, as `at_work` tells.
pub(crate) async fn cancelled<F: Future<Output = bool>>(
    house: &House,
    skill: &str,
    at_work: impl Fn() -> F,
) -> String {
    let submission = submission(contract_within(skill, "10m"), json!({}));
    let run = house.submit(submission).await[0];
    while !at_work().await {
        tokio::task::yield_now().await;
    }
    house.engine.order(&house.submitter, run, Order::Cancel, "changed my mind").await.unwrap();
    outcome_of(house, skill, &house.over(run).await).await
}

async fn outcome_of(house: &House, skill: &str, view: &RunView) -> String {
    let reply = view
        .records
        .iter()
        .filter_map(|stored| stored.record.data::<Value>().ok())
        .find_map(|data| data.get("reply").cloned())
        .unwrap_or_else(|| panic!("{skill}: nobody answered: {:#?}", told(view)));
    let output = match serde_json::from_value(reply["output"].clone()) {
        Ok(digest) => house.engine.store().payload(&digest).await.unwrap().unwrap(),
        Err(_) => Vec::new(),
    };
    format!("{}: {reply}: {}", status_of(view), String::from_utf8_lossy(payload::document(&output)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_official_sdk_carries_out_contracts() {
    let house = House::open().await;
    let agent = SdkAgent::start();
    for (suffix, binding) in bindings() {
        house.register(agent.registration(suffix, &binding)).await;
    }
    let cases = [
        ("answer", "completed: ", r#""score":700"#),
        ("say", "completed: ", r#""said":{"amount":5000"#),
        ("slow", "completed: ", r#""score":1"#),
        ("chunks", "completed: ", r#""text":"one two three""#),
        ("file", "completed: ", r#""text":"see the file""#),
        ("fail", "failed: ", "no funds"),
        ("reject", "failed: ", "agent-rejected"),
        ("stop", "failed: ", "agent-canceled"),
        ("login", "failed: ", "agent-auth-required"),
        // Over HTTP+JSON the SDK says 500 and not a word of A2A, so that the task has to be looked for.
        ("raise", "failed: ", "agent-error"),
        ("stuck", "failed: ", "agent-withdrawn"),
    ];
    let house = &house;
    let all = bindings().into_iter().map(|(suffix, _)| async move {
        let mut wrong = Vec::new();
        for (skill, ending, word) in cases {
            // A task that was never named cannot be looked for in 0.3.
            let word = if (skill, suffix) == ("stuck", "old") { r#""kind":"unknown""# } else { word };
            let said = outcome(house, &format!("{skill}.{suffix}")).await;
            if !said.starts_with(ending) || !said.contains(word) {
                wrong.push(format!("{skill}.{suffix}: expected `{ending}…{word}`, but: {said}"));
            }
        }
        wrong
    });
    let wrong = join_all(all).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // One attempt is one message, and what hangs or wants credentials is told to stop.
    let ledger = agent.ledger().await;
    let did = |what: &str| ledger.iter().filter(|line| line["did"] == what).collect::<Vec<_>>();
    let executed = did("execute");
    assert_eq!(executed.len(), bindings().len() * cases.len());
    let contexts: BTreeSet<&str> = executed.iter().filter_map(|line| line["context"].as_str()).collect();
    assert_eq!(contexts.len(), executed.len());
    assert!(executed.iter().all(|line| line["decision"].as_str().is_some_and(|id| id.starts_with("dec_"))));
    let unseen = 1;
    assert_eq!(did("cancel").len(), bindings().len() * 2 - unseen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_official_sdk_calls_when_a_task_has_changed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let house = House::open_at(&url).await;
    let _stop = serve_on(house.engine.clone(), listener);
    let agent = SdkAgent::start();
    for (suffix, protocol) in [("rpc", "jsonrpc"), ("rest", "http_json")] {
        let binding = json!({"url": format!("/{suffix}"), "protocol": protocol, "answers": "pushing"});
        house.register(agent.registration(suffix, &binding)).await;
        let said = outcome(&house, &format!("slow.{suffix}")).await;
        assert!(said.starts_with("completed: ") && said.contains(r#""score":1"#), "{suffix}: {said}");
        let ledger = agent.ledger().await;
        let calls: Vec<&Value> = ledger.iter().filter(|line| line["did"] == "push").collect();
        assert!(calls.iter().all(|call| call["url"] == format!("{url}/a2a/pushes")), "{calls:?}");
        // Those that come after the attempt has ended are for nobody.
        assert!(calls.iter().any(|call| call["status"] == 204), "{calls:?}");
    }
    // Who has no token of ours is told that there is no such place.
    let client = reqwest::Client::new();
    for token in ["forged", ""] {
        let call = client.post(format!("{url}/a2a/pushes")).header("x-a2a-notification-token", token);
        assert_eq!(call.body("{}").send().await.unwrap().status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_official_sdk_is_registered_by_its_card() {
    let house = House::open().await;
    let (agent, other) = (SdkAgent::start(), SdkAgent::start());
    let refused = house.draft(agent.url(), Some(other.key().await)).await.unwrap_err().to_string();
    assert!(refused.contains("no signature of the card is by this key"), "{refused}");
    let draft = house.draft(agent.url(), Some(agent.key().await)).await.unwrap();
    assert!(draft.signed, "{draft:?}");
    let mut registration = serde_json::to_value(&draft.registration).unwrap();
    assert_eq!(
        registration["binding"],
        json!({
            "type": "a2a", "url": format!("{}/rest", agent.url()), "protocol": "http_json", "version": "1.0",
            "answers": "streaming", "cardKey": agent.key().await,
        })
    );
    registration["owner"] = json!("bureau.example");
    // What the card says and nobody registered comes with the next look at it; what it knows nothing of stays.
    let claimed = registration["skills"].as_array_mut().unwrap();
    claimed.retain(|skill| skill["name"] != "say");
    let answer = claimed.iter_mut().find(|skill| skill["name"] == "answer").unwrap();
    answer["examples"] = json!([{"input": {"n": 1}}, {"name": "two", "input": {"n": 2}}]);
    house.register(registration.clone()).await;
    let name = registration["name"].as_str().unwrap();
    let said = outcome(&house, "answer").await;
    assert!(said.starts_with("completed") && said.contains(r#""score":700"#), "{said}");

    let before = house.engine.agent(name).unwrap();
    // It is held to the key that it was registered with.
    let ada = house.key("ada", "acme", Role::RegistryAdmin).await;
    let again = async || house.engine.refresh_agent(&ada, name, None, "it can say more").await.unwrap();
    // What the card says anew comes into force once somebody has seen it.
    let waits = again().await;
    let proposed = waits.proposed.as_ref().unwrap().revision;
    assert_eq!((waits.revision, waits.standing), (before.revision, before.standing));
    let seen = Approval { reason: "it may".to_owned(), revision: Some(proposed), probation: false };
    let after = house.engine.approve_agent(&ada, name, &seen).await.unwrap();
    assert_eq!(after.revision, proposed);
    let skill = |name: &str| after.registration.skill(&name.parse().unwrap()).cloned();
    assert_ne!((after.revision, after.standing), (before.revision, before.standing));
    assert!(skill("say").is_some());
    assert_eq!(skill("answer").unwrap().examples.len(), 2);
    assert_eq!(
        (&after.registration.binding, &after.registration.owner),
        (&before.registration.binding, &before.registration.owner)
    );
    assert_eq!(again().await.revision, after.revision, "the card says what is registered");
    let refused = house.engine.refresh_agent(&ada, name, Some(other.key().await), "a stranger").await;
    assert!(refused.unwrap_err().to_string().contains("no signature of the card is by this key"));
    let mut held = registration.clone();
    held["binding"]["cardKey"] = json!(other.key().await);
    house.engine.revise_agent(&ada, name, after.revision, held, "another key").await.unwrap();
    let refused = house.engine.refresh_agent(&ada, name, None, "by its key").await;
    assert!(refused.unwrap_err().to_string().contains("no signature of the card is by this key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_official_sdk_is_told_when_a_run_is_cancelled() {
    let house = House::open().await;
    let agent = SdkAgent::start();
    let (house, agent) = (&house, &agent);
    // 0.3 has nothing to look for a task by, so that its agents are told only when the time is over.
    let told = bindings().into_iter().filter(|(_, binding)| binding["version"] != "0.3");
    for (nth, (suffix, binding)) in told.enumerate() {
        house.register(agent.registration(suffix, &binding)).await;
        let at_work =
            async || agent.ledger().await.iter().filter(|line| line["did"] == "execute").count() > nth;
        let said = cancelled(house, &format!("stuck.{suffix}"), at_work).await;
        assert!(
            said.starts_with("cancelled: ") && said.contains(r#""code":"agent-withdrawn""#),
            "{suffix}: {said}"
        );
        assert!(said.contains("the run was stopped"), "{suffix}: {said}");
    }
}
