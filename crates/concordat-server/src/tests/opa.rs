//! OPA's API as its clients meet it: bodies, status codes, errors, and what the log keeps.

use super::*;

const RULES: &str = "package app\ndefault allow := false\nallow if input.user == data.owners[_]\n";

/// A server with somebody who writes and somebody who asks.
struct Doors {
    server: Server,
    author: String,
    app: String,
}

impl Doors {
    async fn open() -> Doors {
        let server = Server::start().await;
        let author = server.key("ann", "acme", &[Role::PolicyAuthor]).await;
        let app = server.key("shop", "acme", &[Role::Submitter]).await;
        Doors { server, author, app }
    }

    async fn send(&self, key: &str, method: &str, path: &str, body: &str) -> Answer {
        let request = request(method, &format!("/opa{path}"), Some(key));
        self.server.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// Method, path, body, status, and the answer without its decision's id. `RULES` stands for them.
const TALK: &str = r#"
PUT | /v1/policies/my/app.rego | RULES | 200 | {}
GET | /v1/policies/my/app.rego |  | 200 | {"result": {"id": "my/app.rego", "raw": "RULES"}}
GET | /v1/policies |  | 200 | {"result": [{"id": "my/app.rego", "raw": "RULES"}]}
POST | /v1/data/app/allow | {"input": {"user": "bob"}} | 200 | {"result": false}
PUT | /v1/data/owners | ["ann", "bob"] | 204 | null
POST | /v1/data/app/allow | {"input": {"user": "bob"}} | 200 | {"result": true}
GET | /v1/data/app/allow?input=%7B%22user%22:%22bob%22%7D |  | 200 | {"result": true}
GET | /v1/data/app |  | 200 | {"result": {"allow": false}}
GET | /v1/data |  | 200 | {"result": {"app": {"allow": false}, "owners": ["ann", "bob"]}}
POST | /v1/data/nope | {} | 200 | {"warning": {"code": "api_usage_warning", "message": "'input' key missing from the request"}}
POST | /v1/data/nope |  | 200 | {"warning": {"code": "api_usage_warning", "message": "'input' key missing from the request"}}
POST | /v1/data/nope | {"input": null} | 200 | {}
POST | /v1/data/app/allow | [] | 400 | {"code": "invalid_parameter", "message": "the body must be a JSON object with an `input`"}
POST | /v0/data/app/allow | {"user": "bob"} | 200 | true
POST | /v0/data/app/nope |  | 404 | {"code": "undefined_document", "message": "document missing or undefined: data.app.nope"}
POST | / | {} | 404 | {"code": "undefined_document", "message": "document missing or undefined: data.system.main"}
PUT | /v1/policies/main | package system; main := input.x | 200 | {}
POST | / | {"x": 7} | 200 | 7
PATCH | /v1/data | [{"op": "add", "path": "/owners/-", "value": "eve"}] | 204 | null
GET | /v1/data/owners/2 |  | 200 | {"result": "eve"}
PATCH | /v1/data/owners | [{"op": "remove", "path": "9"}] | 404 | {"code": "resource_not_found", "message": "storage_not_found_error: /owners/9: document does not exist"}
PATCH | /v1/data/owners | [{"op": "copy", "path": "9"}] | 400 | {"code": "invalid_parameter", "message": "bad patch operation: copy"}
PUT | /v1/data/owners/x/y | 1 | 404 | {"code": "resource_conflict", "message": "storage_write_conflict_error: /owners/x"}
PUT | /v1/data | 1 | 400 | {"code": "invalid_parameter", "message": "storage_invalid_patch_error: root must be object"}
DELETE | /v1/data/owners |  | 204 | null
DELETE | /v1/data/owners |  | 404 | {"code": "resource_not_found", "message": "storage_not_found_error: /owners: document does not exist"}
DELETE | /v1/policies/main |  | 200 | {}
DELETE | /v1/policies/main |  | 404 | {"code": "resource_not_found", "message": "storage_not_found_error: policy id \"main\""}
POST | /v1/query | {"query": "x := input.y", "input": {"y": 3}} | 200 | {"result": [{"x": 3}]}
GET | /v1/query?q=x%20:=%201 |  | 200 | {"result": [{"x": 1}]}
GET | /v1/query |  | 400 | {"code": "invalid_parameter", "message": "missing parameter 'q'"}
POST | /v1/compile | {} | 501 | {"code": "not_implemented", "message": "partial evaluation is not offered"}
GET | /health?bundles&plugins |  | 200 | {}
PUT | /v1/policies | {"modules": {"a": "package a\nx := data.b.y", "b": "package b\ny := 2"}} | 200 | {}
POST | /v1/data/a/x | {"input": 1} | 200 | {"result": 2}
PUT | /v1/policies/e |  | 400 | {"code": "invalid_parameter", "message": "empty module"}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_and_modules_are_written_and_asked() {
    let doors = Doors::open().await;
    for line in TALK.trim().lines() {
        let parts: Vec<&str> = line.splitn(5, " | ").collect();
        let [method, path, body, status, wanted] = parts[..] else { panic!("{line}") };
        let body = body.replace("RULES", RULES).replace("; ", "\n");
        let mut answer = doors.send(&doors.author, method, path, &body).await;
        assert_eq!(answer.status.as_str(), status, "{line}: {}", answer.text);
        if let Some(members) = answer.body.as_object_mut() {
            members.remove("decision_id");
        }
        let wanted: Value =
            serde_json::from_str(&wanted.replace("\"RULES\"", &json!(RULES).to_string())).unwrap();
        assert_eq!(answer.body, wanted, "{line}");
    }
    let again = request("PUT", "/opa/v1/data/b2", Some(&doors.author)).body(Body::from("1")).unwrap();
    assert_eq!(doors.server.send(again).await.status, 204);
    let tagged = request("PUT", "/opa/v1/data/b2", Some(&doors.author)).header("if-none-match", "*");
    let answer = doors.server.send(tagged.body(Body::from("2")).unwrap()).await;
    assert_eq!(answer.status, 304);
    assert_eq!(doors.send(&doors.app, "GET", "/v1/data/b2", "").await.body["result"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_have_a_code_and_a_place() {
    let doors = Doors::open().await;
    for (module, code, row, words) in [
        ("package p\n\nx := ", "rego_parse_error", 3, ""),
        ("package p\nx := x", "rego_recursion_error", 2, "data.p.x -> data.p.x"),
        ("package p\nx := 1 if { some a in b; b := a }", "rego_compile_error", 2, "`b`"),
        ("package p\nx := y if not nobody_wrote_this", "rego_unsafe_var_error", 2, "unsafe"),
        ("package p\nx := http.send({})", "rego_type_error", 2, "`http.send` may not be used"),
        ("package p\nx := [[[[[[[[[1]]]]]]]]]", "rego_parse_error", 2, "nested more than 8 levels"),
    ] {
        let answer = doors.send(&doors.author, "PUT", "/v1/policies/p", module).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (400, &json!("invalid_parameter")),
            "{}",
            answer.text
        );
        assert_eq!(answer.body["message"], "error(s) occurred while compiling module(s)");
        let error = &answer.body["errors"][0];
        assert_eq!(
            (&error["code"], &error["location"]["row"]),
            (&json!(code), &json!(row)),
            "{module}: {error}"
        );
        assert_eq!(error["location"]["file"], "p", "{module}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
    let conflict = "package p\nx := 1 if input.a\nx := 2 if input.b\ny := to_number(input.a)";
    assert_eq!(doors.send(&doors.author, "PUT", "/v1/policies/p", conflict).await.status, 200);
    for (path, code) in [("x", "eval_conflict_error"), ("y?strict-builtin-errors", "eval_builtin_error")] {
        let body = r#"{"input": {"a": "q", "b": 1}}"#;
        let answer = doors.send(&doors.app, "POST", &format!("/v1/data/p/{path}"), body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (500, &json!("internal_error")),
            "{}",
            answer.text
        );
        assert_eq!(answer.body["errors"][0]["code"], code, "{}", answer.text);
    }
    let lenient = doors.send(&doors.app, "POST", "/v1/data/p/y", r#"{"input": {"a": "q"}}"#).await;
    assert_eq!((lenient.status.as_u16(), lenient.body.get("result")), (200, None));
    let full = doors
        .send(&doors.app, "POST", "/v1/data/p/y?metrics&provenance&pretty", r#"{"input": {"a": "2"}}"#)
        .await;
    assert!(full.text.contains("\n  \"result\": 2"), "{}", full.text);
    assert!(full.body["metrics"]["timer_rego_query_eval_ns"].is_u64(), "{}", full.text);
    assert!(full.body["provenance"]["bundles"]["concordat"]["revision"].is_string(), "{}", full.text);
    let large = format!("{{\"input\": \"{}\"}}", "x".repeat(300_000));
    let answer = doors.send(&doors.app, "POST", "/v1/data/p/y", &large).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (413, &json!("invalid_parameter")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_comes_through() {
    let doors = Doors::open().await;
    let viewer = doors.server.key("vic", "acme", &[Role::Viewer]).await;
    let auditor = doors.server.key("aud", "acme", &[Role::Auditor]).await;
    let foreign = doors.server.key("fay", "other", &[Role::PolicyAuthor]).await;
    for (key, method, path, status) in [
        (&doors.app, "PUT", "/v1/data/x", 403),
        (&doors.app, "PATCH", "/v1/data", 403),
        (&doors.app, "DELETE", "/v1/data/x", 403),
        (&doors.app, "PUT", "/v1/policies/x", 403),
        (&doors.app, "DELETE", "/v1/policies/x", 403),
        (&doors.app, "GET", "/v1/policies", 200),
        (&doors.app, "GET", "/v1/status", 200),
        (&doors.app, "GET", "/v1/config", 200),
        (&doors.app, "GET", "/v1/logs", 403),
        (&auditor, "GET", "/v1/logs", 200),
        (&viewer, "GET", "/v1/data", 403),
        (&viewer, "POST", "/v1/query", 403),
        (&viewer, "GET", "/v1/policies", 403),
        (&viewer, "GET", "/v1/status", 403),
    ] {
        let body = match (method, path) {
            ("PUT", "/v1/policies/x") => "package x",
            ("PATCH", _) => "[]",
            ("POST", _) => r#"{"query": "true"}"#,
            _ => "{}",
        };
        let answer = doors.send(key, method, path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text);
        if status == 403 {
            assert_eq!(answer.body["code"], "unauthorized", "{}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
    let stranger = doors.send("", "GET", "/v1/data", "").await;
    assert_eq!((stranger.status.as_u16(), &stranger.body["code"]), (401, &json!("unauthorized")));
    assert_eq!(doors.send("", "GET", "/health", "").await.status, 200);
    // A yes is remembered for a moment, but not for a key that was taken back.
    let leaver = doors.server.key("lee", "acme", &[Role::Submitter]).await;
    assert_eq!(doors.send(&leaver, "GET", "/v1/data", "").await.status, 200);
    let key = doors.server.engine.recognise(&leaver).unwrap().key;
    let admin = doors.server.engine.recognise(&doors.server.admin).unwrap();
    doors.server.engine.revoke_key(&admin, key).await.unwrap();
    assert_eq!(doors.send(&leaver, "GET", "/v1/data", "").await.status, 401);
    // Every organisation has its own.
    assert_eq!(doors.send(&doors.author, "PUT", "/v1/data/x", "1").await.status, 204);
    assert_eq!(doors.send(&foreign, "GET", "/v1/data", "").await.body["result"], json!({}));
    assert_eq!(doors.send(&doors.app, "GET", "/v1/data", "").await.body["result"], json!({"x": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_logged_without_what_is_masked() {
    let doors = Doors::open().await;
    let mask = "package system.log\nmask contains \"/input/password\"\nmask contains {\"op\": \"upsert\", \"path\": \"/result/card\", \"value\": \"***\"}";
    for (id, text) in
        [("mask", mask), ("p", "package p\nr := {\"card\": 1, \"of\": input.user}\nc := 1\nc := 2")]
    {
        assert_eq!(doors.send(&doors.author, "PUT", &format!("/v1/policies/{id}"), text).await.status, 200);
    }
    let asked = doors
        .send(&doors.app, "POST", "/v1/data/p/r", r#"{"input": {"user": "bob", "password": "hidden"}}"#)
        .await;
    assert_eq!(asked.body["result"], json!({"card": 1, "of": "bob"}));
    assert_eq!(doors.send(&doors.app, "GET", "/v1/data/p/c", "").await.status, 500);
    assert_eq!(doors.send(&doors.app, "GET", "/v1/query?q=x:=1", "").await.status, 200);
    let auditor = doors.server.key("aud", "acme", &[Role::Auditor]).await;
    let answer = doors.send(&auditor, "GET", "/v1/logs?from=0&limit=10", "").await;
    let events: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 3, "{}", answer.text);
    assert_eq!(events[0]["decision_id"], asked.body["decision_id"]);
    assert_eq!((&events[0]["path"], &events[0]["requested_by"]), (&json!("p/r"), &json!("acme/shop")));
    assert_eq!(events[0]["input"], json!({"user": "bob"}));
    assert_eq!(events[0]["result"], json!({"card": "***", "of": "bob"}));
    assert_eq!(
        (&events[0]["erased"], &events[0]["masked"]),
        (&json!(["/input/password"]), &json!(["/result/card"]))
    );
    assert!(events[0]["bundles"]["concordat"]["revision"].is_string());
    assert!(events[1]["error"]["message"].as_str().unwrap().contains("eval_conflict_error"), "{}", events[1]);
    assert_eq!((&events[2]["query"], &events[2]["result"]), (&json!("x:=1"), &json!([{"x": 1}])));
    let next = answer.headers["link"].to_str().unwrap().to_owned();
    let from = next.split_once("from=").unwrap().1.split('>').next().unwrap().to_owned();
    assert_eq!(doors.send(&auditor, "GET", &format!("/v1/logs?from={from}"), "").await.text, "");
    // Without a mask an input is kept as it was sent, to the last digit.
    assert_eq!(doors.send(&doors.author, "DELETE", "/v1/policies/mask", "").await.status, 200);
    let exact = r#"{"money": 1.0, "big": 12345678901234567890123}"#;
    doors.send(&doors.app, "POST", "/v1/data/p/r", &format!("{{\"input\": {exact}}}")).await;
    let answer = doors.send(&auditor, "GET", &format!("/v1/logs?from={from}"), "").await;
    assert!(answer.text.contains(exact), "{}", answer.text);
    // Nothing of it is anywhere in the log.
    let records = doors.server.get(&auditor, "/v1/audit/records?limit=1000").await;
    assert!(!records.text.contains("hidden"));
}
