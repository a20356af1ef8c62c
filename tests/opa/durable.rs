//! Modules, data and decisions are in the log, and nobody is answered by half of a change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use concordat_model::principal::Role;
use concordat_tests::Storage;
use serde_json::{Value, json};

use super::door::Door;

concordat_tests::on_both! {
    modules_and_data_survive_a_restart,
}

async fn modules_and_data_survive_a_restart(storage: Storage) {
    let door = Door::open_on(storage).await;
    for (method, path, body) in [
        (
            "PUT",
            "/v1/policies",
            json!({"modules": {"a": "package a\nx := data.b.y + data.n", "b": "package b\ny := 2"}}),
        ),
        ("PUT", "/v1/data/n", json!(4)),
        ("PATCH", "/v1/data", json!([{"op": "add", "path": "/m", "value": {"k": 1.5}}])),
        ("PUT", "/v1/data/gone", json!(true)),
        ("DELETE", "/v1/data/gone", json!({})),
    ] {
        let (status, answer) = door.send(method, path, &body).await;
        assert!(status == 200 || status == 204, "{method} {path}: {status} {answer}");
    }
    let ask = async |door: &Door| door.send("POST", "/v1/data?provenance", &json!({"input": {}})).await.1;
    let before = ask(&door).await;
    assert_eq!(before["result"], json!({"a": {"x": 6}, "b": {"y": 2}, "m": {"k": 1.5}, "n": 4}));
    let door = door.reopen().await;
    let after = ask(&door).await;
    assert_eq!((&after["result"], &after["provenance"]), (&before["result"], &before["provenance"]));

    // What was decided before is still told.
    let auditor = door.key("aud", Role::Auditor).await;
    let (_, log) = door.text(&auditor, "GET", "/v1/logs", String::new()).await;
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!((&first["decision_id"], &first["result"]), (&before["decision_id"], &before["result"]));
}

/// Many modules that have to agree: each says which generation it is of.
fn generation(number: u32) -> Value {
    let modules: BTreeMap<String, String> = (0..50)
        .map(|nth| (format!("m{nth}"), format!("package all\nsaid contains {number}\nm{nth} := {number}\n")))
        .collect();
    json!({ "modules": modules })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_by_two_revisions() {
    let door = Arc::new(Door::open().await);
    assert_eq!(door.send("PUT", "/v1/policies", &generation(0)).await.0, 200);
    let over = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let (door, over) = (door.clone(), over.clone());
            tokio::spawn(async move {
                let mut revisions = BTreeMap::new();
                while !over.load(Ordering::Relaxed) {
                    let (status, answer) =
                        door.send("POST", "/v1/data/all?provenance", &json!({"input": {}})).await;
                    assert_eq!(status, 200, "{answer}");
                    let said = answer["result"]["said"].as_array().unwrap();
                    assert_eq!(said.len(), 1, "{answer}");
                    let all =
                        answer["result"].as_object().unwrap().iter().filter(|(name, _)| *name != "said");
                    assert!(all.clone().count() == 50 && all.map(|(_, one)| one).all(|one| *one == said[0]));
                    let revision = answer["provenance"]["bundles"]["concordat"]["revision"].to_string();
                    let known = revisions.entry(revision).or_insert_with(|| said[0].clone());
                    assert_eq!(*known, said[0]);
                }
                revisions.len()
            })
        })
        .collect();
    for number in 1..=8 {
        assert_eq!(door.send("PUT", "/v1/policies", &generation(number)).await.0, 200);
    }
    over.store(true, Ordering::Relaxed);
    for asker in askers {
        assert!(asker.await.unwrap() > 1, "the swaps were not seen");
    }
}
