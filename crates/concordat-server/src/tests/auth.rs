//! Who may ask what: every operation of the description, with every kind of key.

use super::*;

/// Every operation with a request that is fine but for who sends it, and whether a viewer may.
const OPERATIONS: &[(&str, &str, &str, Option<&str>, bool)] = &[
    ("POST", "/v1/contracts", "/v1/contracts", Some("CONTRACT"), false),
    ("GET", "/v1/contracts", "/v1/contracts", None, true),
    ("POST", "/v1/contracts:plan", "/v1/contracts:plan", Some("CONTRACT"), false),
    ("GET", "/v1/contracts/{run}", "/v1/contracts/RUN", None, true),
    ("GET", "/v1/contracts/{run}/events", "/v1/contracts/RUN/events", None, true),
    ("GET", "/v1/contracts/{run}/why", "/v1/contracts/RUN/why", None, true),
    ("GET", "/v1/contracts/{run}/replay", "/v1/contracts/RUN/replay", None, true),
    ("POST", "/v1/contracts/{run}:cancel", "/v1/contracts/RUN:cancel", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/contracts/{run}:kill", "/v1/contracts/RUN:kill", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/contracts/{run}:pause", "/v1/contracts/RUN:pause", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/contracts/{run}:resume", "/v1/contracts/RUN:resume", Some(r#"{"reason":"no"}"#), false),
    (
        "POST",
        "/v1/contracts/{run}:extend",
        "/v1/contracts/RUN:extend",
        Some(r#"{"by":"1h","reason":"no"}"#),
        false,
    ),
    (
        "POST",
        "/v1/contracts/{run}:retry",
        "/v1/contracts/RUN:retry",
        Some(r#"{"from":"a","reason":"no"}"#),
        false,
    ),
    (
        "POST",
        "/v1/events",
        "/v1/events",
        Some(r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid"}"#),
        false,
    ),
    ("GET", "/v1/triggers", "/v1/triggers", None, true),
    ("GET", "/v1/triggers/{trigger}", "/v1/triggers/nightly", None, true),
    ("PUT", "/v1/triggers/{trigger}", "/v1/triggers/nightly", Some("TRIGGER"), false),
    ("DELETE", "/v1/triggers/{trigger}", "/v1/triggers/nightly", None, false),
    ("GET", "/v1/decisions/{decision}", "/v1/decisions/DECISION", None, true),
    ("GET", "/v1/decisions/{decision}/why", "/v1/decisions/DECISION/why", None, true),
    ("GET", "/v1/decisions/{decision}/replay", "/v1/decisions/DECISION/replay", None, true),
    ("GET", "/v1/reviews", "/v1/reviews", None, true),
    (
        "POST",
        "/v1/reviews/{review}:decide",
        "/v1/reviews/REVIEW:decide",
        Some(r#"{"verdict":"approve","reason":"yes","payload":"PAYLOAD"}"#),
        false,
    ),
    ("GET", "/v1/agents", "/v1/agents", None, true),
    (
        "POST",
        "/v1/agents",
        "/v1/agents",
        Some(
            r#"{"name":"b","owner":"o","binding":{"type":"execute","url":"http://agent.test"},"domains":["finance"],"skills":[{"name":"s"}]}"#,
        ),
        false,
    ),
    (
        "POST",
        "/v1/agents:import",
        "/v1/agents:import",
        Some(r#"{"url":"http://agent.test","domains":["finance"]}"#),
        false,
    ),
    ("GET", "/v1/agents/{agent}", "/v1/agents/worker", None, true),
    (
        "PUT",
        "/v1/agents/{agent}",
        "/v1/agents/worker?reason=no",
        Some(
            r#"{"name":"worker","owner":"acme","binding":{"type":"execute","url":"http://agent.test"},"domains":["finance"],"skills":[{"name":"s"}]}"#,
        ),
        false,
    ),
    (
        "POST",
        "/v1/agents/{agent}:quarantine",
        "/v1/agents/worker:quarantine",
        Some(r#"{"reason":"no"}"#),
        false,
    ),
    (
        "POST",
        "/v1/agents/{agent}:probation",
        "/v1/agents/worker:probation",
        Some(r#"{"reason":"no"}"#),
        false,
    ),
    ("POST", "/v1/agents/{agent}:retire", "/v1/agents/worker:retire", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/agents/{agent}:approve", "/v1/agents/worker:approve", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/agents/{agent}:decline", "/v1/agents/worker:decline", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/agents/{agent}:probe", "/v1/agents/worker:probe", Some(r#"{}"#), false),
    ("POST", "/v1/agents/{agent}:refresh", "/v1/agents/worker:refresh", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/agents/{agent}:suspend", "/v1/agents/worker:suspend", Some(r#"{"reason":"no"}"#), false),
    ("POST", "/v1/agents/{agent}:restore", "/v1/agents/worker:restore", Some(r#"{"reason":"no"}"#), false),
    (
        "PUT",
        "/v1/agents/{agent}/credentials",
        "/v1/agents/worker/credentials",
        Some(r#"{"credentials":{"type":"bearer","token":"t"},"reason":"no"}"#),
        false,
    ),
    ("DELETE", "/v1/agents/{agent}/credentials", "/v1/agents/worker/credentials?reason=no", None, false),
    ("GET", "/v1/agents/{agent}/trust", "/v1/agents/worker/trust", None, true),
    (
        "POST",
        "/v1/agents/{agent}:testify",
        "/v1/agents/worker:testify",
        Some(r#"{"skill":"work","domain":"finance","good":1,"reason":"no"}"#),
        false,
    ),
    ("GET", "/v1/trust/replay", "/v1/trust/replay", None, false),
    ("POST", "/v1/contracts/{run}/rating", "/v1/contracts/RUN/rating", Some(r#"{"rating":5}"#), false),
    ("GET", "/v1/templates", "/v1/templates", None, true),
    ("GET", "/v1/templates/{template}", "/v1/templates/lend@1.0.0", None, true),
    ("GET", "/v1/audit/records", "/v1/audit/records", None, false),
    ("GET", "/v1/audit/checkpoint", "/v1/audit/checkpoint", None, false),
    ("GET", "/v1/audit/receipts/{id}", "/v1/audit/receipts/RUN", None, true),
    ("GET", "/v1/audit/consistency", "/v1/audit/consistency?old=1&new=2", None, false),
    (
        "POST",
        "/v1/audit/reports",
        "/v1/audit/reports",
        Some(r#"{"template":"general","form":"json"}"#),
        false,
    ),
    ("GET", "/v1/audit/reports/{id}", "/v1/audit/reports/rpt_01h455vb4pex5vsknk084sn02q", None, false),
    (
        "GET",
        "/v1/audit/reports/{id}/content",
        "/v1/audit/reports/rpt_01h455vb4pex5vsknk084sn02q/content",
        None,
        false,
    ),
    (
        "POST",
        "/v1/contents:erase",
        "/v1/contents:erase",
        Some(r#"{"subject":"ap-1","basis":"asked"}"#),
        false,
    ),
    (
        "POST",
        "/v1/contents:prune",
        "/v1/contents:prune",
        Some(r#"{"kind":"contracts","before":"2020-01-01T00:00:00Z"}"#),
        false,
    ),
    ("GET", "/v1/holds", "/v1/holds", None, false),
    ("POST", "/v1/holds", "/v1/holds", Some(r#"{"reason":"no"}"#), false),
    (
        "POST",
        "/v1/holds/{hold}:release",
        "/v1/holds/hold_01h455vb4pex5vsknk084sn02q:release",
        Some(r#"{"reason":"no"}"#),
        false,
    ),
    ("GET", "/v1/keys", "/v1/keys", None, false),
    ("POST", "/v1/keys", "/v1/keys", Some(r#"{"name":"eve","tenant":"acme","roles":["admin"]}"#), false),
    ("POST", "/v1/keys/{key}:revoke", "/v1/keys/KEY:revoke", None, false),
    ("GET", "/v1/me", "/v1/me", None, true),
    ("GET", "/v1/policy", "/v1/policy", None, true),
    ("GET", "/v1/policies", "/v1/policies", None, true),
    ("POST", "/v1/policies", "/v1/policies", Some(r#"{"files":{"a.rego":"package a"}}"#), false),
    ("POST", "/v1/policies:rollBack", "/v1/policies:rollBack", Some(r#"{"reason":"no"}"#), false),
    ("GET", "/v1/policies/{revision}", "/v1/policies/REVISION", None, true),
    ("GET", "/v1/policies/{revision}/diff", "/v1/policies/REVISION/diff", None, true),
    ("POST", "/v1/policies/{revision}:impact", "/v1/policies/REVISION:impact", Some("{}"), false),
    (
        "POST",
        "/v1/policies/{revision}:promote",
        "/v1/policies/REVISION:promote",
        Some(r#"{"to":"enforced","reason":"no"}"#),
        false,
    ),
    (
        "POST",
        "/v1/policies/{revision}:withdraw",
        "/v1/policies/REVISION:withdraw",
        Some(r#"{"reason":"no"}"#),
        false,
    ),
    ("GET", "/metrics", "/metrics", None, true),
    ("GET", "/livez", "/livez", None, true),
    ("GET", "/readyz", "/readyz", None, true),
    ("GET", "/openapi.json", "/openapi.json", None, true),
    ("GET", "/schemas/contract.json", "/schemas/contract.json", None, true),
    ("GET", "/schemas/submission.json", "/schemas/submission.json", None, true),
    ("GET", "/schemas/trigger.json", "/schemas/trigger.json", None, true),
];

struct Things {
    run: String,
    decision: String,
    review: String,
    payload: String,
    key: String,
    revision: String,
}

async fn things(server: &Server) -> Things {
    let submitter = server.key("sam", "acme", &[Role::Submitter]).await;
    let risky = risky();
    let run = server.submit(&submitter, "first", &risky).await;
    let detail = server.settled(&submitter, &run, &["in_review"]).await;
    let review = &detail["open_reviews"][0];
    let trigger = server.put(&submitter, "/v1/triggers/nightly", &nightly()).await;
    assert_eq!(trigger.status, 200, "{}", trigger.text);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Things {
        run,
        decision: text(&review["decision"]),
        review: text(&review["id"]),
        payload: text(&review["payload"]),
        key: server.engine.keys()[0].id.to_string(),
        revision: server.engine.policy_revision().to_string(),
    }
}

/// A trigger that starts a contract every night.
pub(super) fn nightly() -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Trigger", "metadata": {"name": "nightly"},
        "spec": {"schedule": {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}, "template": "lend@1.0.0"},
    })
}

/// A contract that policy hands to people.
pub(super) fn risky() -> Value {
    let mut risky = contract("risky", &json!([{"id": "a", "skill": "work", "effect": "unsafe"}]));
    risky["spec"]["governance"]["risk"] = json!("critical");
    risky
}

fn built(
    operation: &(&str, &str, &str, Option<&str>, bool),
    things: &Things,
    credential: Option<&str>,
) -> Request<Body> {
    let (method, _, path, body, _) = operation;
    let path = path
        .replace("RUN", &things.run)
        .replace("DECISION", &things.decision)
        .replace("REVIEW", &things.review)
        .replace("KEY", &things.key)
        .replace("REVISION", &things.revision);
    let mut request = Request::builder().method(*method).uri(path).header("host", "localhost");
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    match body {
        None => request.body(Body::empty()).unwrap(),
        Some(body) => {
            let lend = contract("lend", &json!([{"id": "a", "skill": "work"}])).to_string();
            let body = body
                .replace("TRIGGER", &nightly().to_string())
                .replace("CONTRACT", &lend)
                .replace("PAYLOAD", &things.payload);
            let request = request.header("content-type", "application/json").header("idempotency-key", "k");
            let request = request.header("if-match", format!("\"{}\"", things.revision));
            request.body(Body::from(body)).unwrap()
        }
    }
}

#[tokio::test]
async fn the_matrix_names_every_operation() {
    let server = Server::start().await;
    let document = server.get("", "/openapi.json").await.body;
    let mut described: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        described.extend(
            item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let mut listed: Vec<String> = OPERATIONS.iter().map(|one| format!("{} {}", one.0, one.1)).collect();
    described.sort();
    listed.sort();
    assert_eq!(listed, described);
}

#[tokio::test]
async fn without_a_key_that_counts_nothing_is_answered() {
    let server = Server::start().await;
    let things = things(&server).await;
    let revoked = server.key("rex", "acme", &[Role::Admin]).await;
    let id = server.engine.recognise(&revoked).unwrap().key;
    let root = server.engine.recognise(&server.admin).unwrap();
    server.engine.revoke_key(&root, id).await.unwrap();
    let mut turned = server.admin.clone().into_bytes();
    let last = turned.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let turned = String::from_utf8(turned).unwrap();
    let credentials = [
        None,
        Some(String::new()),
        Some("Bearer nothing".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer {turned}")),
        Some(format!("Bearer {revoked}")),
        Some(format!("Basic {}", server.admin)),
        Some(server.admin.clone()),
    ];
    let before = server.log_size();
    for operation in OPERATIONS {
        for credential in &credentials {
            let answer = server.send(built(operation, &things, credential.as_deref())).await;
            let open = crate::front::OPEN.contains(&operation.1);
            assert_eq!(answer.status, if open { 200 } else { 401 }, "{} {credential:?}", operation.1);
            if !open {
                assert_eq!(answer.body["code"], "unauthenticated");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
                assert_eq!(answer.headers["content-type"], "application/problem+json");
            }
        }
    }
    assert_eq!(server.log_size(), before);
}

#[tokio::test]
async fn a_viewer_looks_and_does_not_touch() {
    let server = Server::start().await;
    let things = things(&server).await;
    let viewer = format!("Bearer {}", server.key("vic", "acme", &[Role::Viewer]).await);
    for operation in OPERATIONS {
        let answer = server.send(built(operation, &things, Some(&viewer))).await;
        let what = format!("{} {}: {}", operation.0, operation.1, answer.text);
        if operation.4 {
            assert_eq!(answer.status, 200, "{what}");
        } else {
            assert_eq!(answer.status, 403, "{what}");
            assert_eq!(answer.body["code"], "policy-forbidden", "{what}");
            assert!(answer.body["decision_id"].as_str().unwrap().starts_with("dec_"), "{what}");
            assert_eq!(answer.body["reasons"][0]["code"], "role_missing", "{what}");
        }
    }
    let states = server.get(&server.admin, "/v1/agents/worker").await.body;
    assert_eq!(states["state"], "eligible");
}

#[tokio::test]
async fn another_organisation_knows_of_nothing() {
    let server = Server::start().await;
    let things = things(&server).await;
    let stranger = server.key("max", "other", &[Role::Admin]).await;
    let key = format!("Bearer {stranger}");
    for (method, path) in [
        ("GET", "/v1/contracts/{run}"),
        ("GET", "/v1/contracts/{run}/events"),
        ("GET", "/v1/contracts/{run}/why"),
        ("GET", "/v1/contracts/{run}/replay"),
        ("POST", "/v1/contracts/{run}:cancel"),
        ("POST", "/v1/contracts/{run}:kill"),
        ("POST", "/v1/contracts/{run}:pause"),
        ("POST", "/v1/contracts/{run}:resume"),
        ("POST", "/v1/contracts/{run}:extend"),
        ("POST", "/v1/contracts/{run}:retry"),
        ("POST", "/v1/contracts/{run}/rating"),
        ("GET", "/v1/triggers/{trigger}"),
        ("DELETE", "/v1/triggers/{trigger}"),
        ("GET", "/v1/decisions/{decision}"),
        ("GET", "/v1/audit/receipts/{id}"),
        ("POST", "/v1/reviews/{review}:decide"),
        ("POST", "/v1/holds/{hold}:release"),
        ("POST", "/v1/keys/{key}:revoke"),
    ] {
        let operation = OPERATIONS.iter().find(|one| (one.0, one.1) == (method, path)).unwrap();
        let answer = server.send(built(operation, &things, Some(&key))).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (404, &json!("not-found")),
            "{method} {path}: {}",
            answer.text
        );
    }
    for (path, what) in [("/v1/contracts", "items"), ("/v1/reviews", "items"), ("/v1/triggers", "items")] {
        assert_eq!(server.get(&stranger, path).await.body[what], json!([]), "{path}");
    }
    let names: Vec<Value> = server.get(&stranger, "/v1/keys").await.body["items"].as_array().unwrap().clone();
    assert!(names.iter().all(|key| key["tenant"] == "other"), "{names:?}");
}

#[tokio::test]
async fn hosts_and_sites_are_checked_before_keys() {
    let server = Server::start().await;
    for (header, value, status, code) in [
        ("host", "evil.example", 421, "host-unknown"),
        ("origin", "http://evil.example", 403, "cross-site"),
        ("sec-fetch-site", "cross-site", 403, "cross-site"),
    ] {
        let mut request = request("GET", "/v1/me", Some(&server.admin)).body(Body::empty()).unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        let answer = server.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str().unwrap()), (status, code));
    }
    let request = Request::get("/livez").header("host", "10.0.0.1:80").body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.status, 200);
}
