//! Contracts whose steps are tools of servers on the official MCP SDK, of both kinds of revisions.

use std::time::Duration;

use concordat_engine::ports::CardProtocol;
use concordat_tests::House;
use concordat_tests::sdk_agent::SdkTools;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::a2a::{cancelled, outcome};

/// The suffix of its tools, whether it is the older SDK, and whether its answers are streams.
const SERVERS: [(&str, bool, bool); 4] = [
    ("new-json", false, false),
    ("new-events", false, true),
    ("old-json", true, false),
    ("old-events", true, true),
];

fn did(ledger: &[Value], what: &str, tool: &str) -> usize {
    ledger.iter().filter(|line| line["did"] == what && line["tool"] == tool).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_of_the_official_sdk_carry_out_contracts() {
    let house = House::open().await;
    let mut servers = Vec::new();
    for (suffix, older, events) in SERVERS {
        let server = SdkTools::start(suffix, older, events);
        let draft = house.draft_of(CardProtocol::Mcp, &server.endpoint(), None).await.unwrap();
        let mut registration = serde_json::to_value(&draft.registration).unwrap();
        assert_eq!(registration["skills"][0]["output"]["required"], json!(["score", "applicant_id"]));
        registration["owner"] = json!("bureau.example");
        // A claim that is not true.
        registration["skills"].as_array_mut().unwrap().push(json!({"name": format!("gone.{suffix}")}));
        house.register(registration).await;
        servers.push(server);
    }
    let cases = [
        ("check_credit", "completed: ", r#""score":700"#),
        ("say", "completed: ", r#"{"text":"as you wish"}"#),
        ("fail", "failed: ", "no funds"),
        ("gone", "failed: ", "gone"),
        ("stuck", "failed: ", r#""kind":"unknown""#),
    ];
    let house = &house;
    let all = SERVERS.iter().map(|(suffix, ..)| async move {
        let mut wrong = Vec::new();
        for (skill, ending, word) in cases {
            let said = outcome(house, &format!("{skill}.{suffix}")).await;
            if !said.starts_with(ending) || !said.contains(word) {
                wrong.push(format!("{skill}.{suffix}: expected `{ending}…{word}`, but: {said}"));
            }
        }
        wrong
    });
    let wrong = join_all(all).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (server, (suffix, older, events)) in servers.iter().zip(SERVERS) {
        let ledger = server.ledger().await;
        for tool in ["check_credit", "say", "fail", "stuck"] {
            assert_eq!(did(&ledger, "call", tool), 1, "{suffix}: {tool}");
        }
        // The new SDK notices that nobody waits any longer only where its answers are streams.
        let cancelled = async {
            while did(&server.ledger().await, "cancel", "stuck") == 0 {
                tokio::task::yield_now().await;
            }
        };
        if older || events {
            tokio::time::timeout(Duration::from_secs(60), cancelled).await.expect(suffix);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_the_official_sdk_are_told_when_a_run_is_cancelled() {
    let house = House::open().await;
    let house = &house;
    for (suffix, older, events) in SERVERS.into_iter().filter(|(_, older, events)| *older || *events) {
        let server = SdkTools::start(suffix, older, events);
        let draft = house.draft_of(CardProtocol::Mcp, &server.endpoint(), None).await.unwrap();
        let mut registration = serde_json::to_value(&draft.registration).unwrap();
        registration["owner"] = json!("bureau.example");
        house.register(registration).await;
        let happened = async |what: &str| did(&server.ledger().await, what, "stuck") == 1;
        let said = cancelled(house, &format!("stuck.{suffix}"), || happened("call")).await;
        assert!(said.starts_with("cancelled: ") && said.contains("the run was stopped"), "{suffix}: {said}");
        while !happened("cancel").await {
            tokio::task::yield_now().await;
        }
    }
}
