//! Contracts from their submission to their end, as clients see them.

use super::auth::risky;
use super::*;

#[tokio::test]
async fn a_contract_is_carried_out_and_explained() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let steps = json!([{"id": "a", "skill": "work"}, {"id": "b", "skill": "work", "needs": ["a"]}]);
    let lend = contract("lend", &steps);
    let planned = server.post(&sam, "/v1/contracts:plan", &lend).await;
    assert_eq!(planned.status, 200, "{}", planned.text);
    let first = &planned.body["contracts"][0];
    assert_eq!(first["levels"], json!([["a"], ["b"]]));
    assert_eq!(first["decision"]["answer"]["kind"], "permit", "{}", planned.text);
    let run = server.submit(&sam, "one", &lend).await;
    let detail = server.settled(&sam, &run, &["completed", "failed"]).await;
    assert_eq!(detail["status"], "completed", "{detail:#}");
    assert_eq!(detail["output"], json!({"b": {"ok": true}}));
    assert_eq!((&detail["settled"], &detail["steps"], &detail["calls"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!(detail["step_list"][1]["agent"]["name"], "worker");
    assert_eq!(detail["step_list"][1]["attempt"], 1);
    // What is stored has a salt, so that its digest confirms nobody's guess.
    assert_ne!(detail["digest"], first["digest"]);
    let why = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.body;
    assert_eq!(why["headline"], "The contract `lend` was completed.");
    let told: Vec<&str> =
        why["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(told.iter().any(|line| line.starts_with("Step `a` went to `worker`")), "{told:#?}");
    let decision =
        why["lines"].as_array().unwrap().iter().find_map(|line| line["decision"].as_str()).unwrap();
    let decision = server.get(&sam, &format!("/v1/decisions/{decision}")).await;
    assert_eq!(decision.body["run"], run.as_str(), "{}", decision.text);
    assert!(decision.body["input"]["now"].is_string());
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let lend = contract("lend", &json!([{"id": "a", "skill": "work"}]));
    let first = server.send(posted("/v1/contracts", &sam, &lend, Some("k"))).await;
    assert_eq!((first.status.as_u16(), first.headers.get("idempotency-replayed")), (202, None));
    let run = first.body["contracts"][0]["run"].as_str().unwrap();
    assert_eq!(first.headers["location"], format!("/v1/contracts/{run}"));
    server.settled(&sam, run, &["completed"]).await;
    let before = server.log_size();
    let again = server.send(posted("/v1/contracts", &sam, &lend, Some("k"))).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = contract("other", &json!([{"id": "a", "skill": "work"}]));
    let reused = server.send(posted("/v1/contracts", &sam, &other, Some("k"))).await;
    assert_eq!((reused.status.as_u16(), &reused.body["code"]), (422, &json!("idempotency-key-reused")));
    assert_eq!(server.log_size(), before);
}

#[tokio::test]
async fn a_failed_contract_says_why_and_what_was_undone() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let steps = json!([
        {"id": "a", "skill": "work", "compensate": {"skill": "undo"}},
        {"id": "b", "skill": "fail", "needs": ["a"]},
    ]);
    let run = server.submit(&sam, "one", &contract("pay", &steps)).await;
    let detail = server.settled(&sam, &run, &["failed", "undone"]).await;
    assert_eq!(detail["status"], "undone", "{detail:#}");
    assert_eq!(detail["cause"]["code"], "step_failed");
    assert!(detail["cause"]["text"].as_str().unwrap().contains("the card was declined"));
    assert_eq!((&detail["undone"], &detail["not_undone"]), (&json!(["a"]), &json!([])));
    assert_eq!(detail["step_list"][0]["undo"]["state"], "done");
    assert_eq!(detail["step_list"][1]["error"]["code"], "agent-error");
    let denied = contract("none", &json!([{"id": "a", "skill": "unheard-of"}]));
    let run = server.submit(&sam, "two", &denied).await;
    let detail = server.settled(&sam, &run, &["denied"]).await;
    assert!(
        detail["cause"]["text"].as_str().unwrap().contains("no agent offers the skill `unheard-of`"),
        "{detail:#}"
    );
    let why = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.body;
    assert!(
        why["headline"].as_str().unwrap().contains("was not let in: policy does not let it run"),
        "{why:#}"
    );
}

#[tokio::test]
async fn reviews_are_answered_once_by_somebody_else() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter, Role::Reviewer]).await;
    let rita = server.key("rita", "acme", &[Role::Reviewer]).await;
    let run = server.submit(&sam, "one", &risky()).await;
    server.settled(&sam, &run, &["in_review"]).await;
    let open = server.get(&rita, "/v1/reviews").await.body["items"][0].clone();
    assert_eq!((&open["run"], &open["about"]["kind"]), (&json!(run), &json!("admission")), "{open:#}");
    assert_eq!(open["shown"]["contract"]["metadata"]["name"], "risky");
    assert!(!open["reasons"].as_array().unwrap().is_empty());
    let path = format!("/v1/reviews/{}:decide", open["id"].as_str().unwrap());
    let answer = |payload: &Value| json!({"verdict": "approve", "reason": "looked", "payload": payload});
    let own = server.post(&sam, &path, &answer(&open["payload"])).await;
    assert_eq!(
        (own.status.as_u16(), &own.body["reasons"][0]["code"]),
        (403, &json!("four_eyes")),
        "{}",
        own.text
    );
    let stale = json!(format!("sha256:{}", "0".repeat(64)));
    let other = server.post(&rita, &path, &answer(&stale)).await;
    assert_eq!(other.status, 409, "{}", other.text);
    let approved = server.post(&rita, &path, &answer(&open["payload"])).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let again = server.post(&rita, &path, &answer(&open["payload"])).await;
    assert_eq!(again.status, 404, "{}", again.text);
    let why = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.text;
    assert!(why.contains("`rita` approved, so policy was asked again: “looked”."), "{why}");
}

#[tokio::test]
async fn a_run_is_cancelled_by_its_sender_and_only_while_it_lives() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let ann = server.key("ann", "acme", &[Role::Submitter]).await;
    let run = server.submit(&sam, "one", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    let detail = server.settled(&sam, &run, &["running"]).await;
    assert_eq!(detail["step_list"][0]["waiting_for"], "an answer of `worker`");
    let path = format!("/v1/contracts/{run}:cancel");
    let other = server.post(&ann, &path, &json!({"reason": "mine"})).await;
    assert_eq!(
        (other.status.as_u16(), &other.body["reasons"][0]["code"]),
        (403, &json!("contract_of_another"))
    );
    let done = server.post(&sam, &path, &json!({"reason": "changed my mind"})).await;
    assert_eq!((done.status.as_u16(), &done.body["status"]), (200, &json!("closing")), "{}", done.text);
    assert_eq!(done.body["cause"]["text"], "`sam` cancelled it: changed my mind");
    let again = server.post(&sam, &path, &json!({"reason": "again"})).await;
    assert_eq!(again.status, 409, "{}", again.text);
}

#[tokio::test]
async fn lists_are_walked_with_cursors() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let mut sent = Vec::new();
    for nth in 0..5 {
        let lend = contract("lend", &json!([{"id": "a", "skill": "work"}]));
        sent.push(server.submit(&sam, &format!("k{nth}"), &lend).await);
    }
    sent.reverse();
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = server.get(&sam, &format!("/v1/contracts?limit=2{next}")).await.body;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|row| row["run"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let other = server.get(&sam, &format!("/v1/contracts?limit=2&status=denied&cursor={cursor}")).await;
        assert_eq!(other.body["code"], "cursor-invalid");
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn agents_and_keys_have_lives_too() {
    let server = Server::start().await;
    let admin = &server.admin;
    let listed = server.get(admin, "/v1/agents?skill=work&domain=finance").await.body;
    assert_eq!(listed["items"][0]["name"], "worker");
    assert_eq!(server.get(admin, "/v1/agents?skill=other").await.body["items"], json!([]));
    let stopped =
        server.post(admin, "/v1/agents/worker:suspend", &json!({"reason": "odd answers"})).await.body;
    assert_eq!(
        (&stopped["state"], &stopped["suspended"]["reason"]),
        (&json!("suspended"), &json!("odd answers"))
    );
    let again = server.post(admin, "/v1/agents/worker:suspend", &json!({"reason": "x"})).await;
    assert_eq!((again.status.as_u16(), &again.body["code"]), (409, &json!("agent-state-already")));
    let back = server.post(admin, "/v1/agents/worker:restore", &json!({"reason": "fixed"})).await.body;
    assert_eq!(back["state"], "eligible");
    let taken = json!({
        "name": "worker", "owner": "o", "binding": {"type": "execute", "url": "http://agent.test"},
        "domains": ["finance"], "skills": [{"name": "s"}],
    });
    assert_eq!(server.post(admin, "/v1/agents", &taken).await.body["code"], "agent-name-taken");
    let made =
        server.post(admin, "/v1/keys", &json!({"name": "kim", "tenant": "acme", "roles": ["viewer"]})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = made.body["key"].as_str().unwrap();
    assert_eq!(server.get(key, "/v1/me").await.body["roles"], json!(["viewer"]));
    let id = made.body["id"].as_str().unwrap();
    let request = request("POST", &format!("/v1/keys/{id}:revoke"), Some(admin)).body(Body::empty()).unwrap();
    let revoked = server.send(request).await;
    assert!(revoked.body["revoked"].is_string(), "{}", revoked.text);
    assert_eq!(server.get(key, "/v1/me").await.status, 401);
    assert!(!server.get(admin, "/v1/keys").await.text.contains(key));
}

#[tokio::test]
async fn the_log_is_read_with_its_leaves() {
    let server = Server::start().await;
    let page = server.get(&server.admin, "/v1/audit/records?limit=2").await;
    assert_eq!(page.body["next_from"], 2, "{}", page.text);
    let list: crate::api::audit::RecordList = serde_json::from_str(&page.text).unwrap();
    for entry in &list.items {
        let leaf = concordat_ledger::tree::leaf_hash(entry.record.get().as_bytes());
        assert_eq!(leaf.to_string(), entry.leaf);
    }
    let typed = server.get(&server.admin, "/v1/audit/records?type=agent.registered").await.body;
    assert_eq!(typed["items"].as_array().unwrap().len(), 1);
    let note = server.get(&server.admin, "/v1/audit/checkpoint").await;
    assert!(note.text.starts_with("concordat.test/log\n"), "{}", note.text);
    let figures = server.get(&server.admin, "/metrics").await.text;
    for name in [
        "concordat_http_requests_total{route=\"/v1/audit/records\",method=\"GET\",status=\"200\"} 2",
        "concordat_audit_entries",
        "concordat_contracts_active",
        "concordat_build_info",
        "concordat_agent_calls_total{ended=\"result\"} 0",
        "concordat_agents_lately{errors=\"all\"} 0",
        "# EOF",
    ] {
        assert!(figures.contains(name), "{name} is not in {figures}");
    }
}

#[tokio::test]
async fn how_agents_fare_is_summed_over_all_of_them() {
    let server = Server::start().await;
    let admin = &server.admin;
    for (key, skill, status) in
        [("1", "work", "completed"), ("2", "work", "completed"), ("3", "fail", "failed")]
    {
        let run = server.submit(admin, key, &contract("c", &json!([{"id": "a", "skill": skill}]))).await;
        server.settled(admin, &run, &[status]).await;
    }
    let figures = server.get(admin, "/metrics").await.text;
    for line in [
        "concordat_agent_calls_total{ended=\"result\"} 2",
        "concordat_agent_calls_total{ended=\"failed\"} 1",
        "concordat_agent_calls_total{ended=\"timeout\"} 0",
        "concordat_agent_call_duration_seconds_count 2",
        "concordat_agent_call_duration_seconds_bucket{le=\"+Inf\"} 2",
        "concordat_agents_lately{errors=\"many\"} 1",
        "concordat_agents_lately{errors=\"none\"} 0",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} is not in {figures}");
    }
    // However many agents there are, none has a series of its own.
    assert!(!figures.contains("worker"), "{figures}");
}
