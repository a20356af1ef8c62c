//! A2A as it goes over the wire: what the official client never sends, and what it does not look at.

use super::*;

fn rpc(key: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = request("POST", path, Some(key));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const ONE: (&str, &str) = ("a2a-version", "1.0");

fn call(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

fn said(data: &Value, id: &str) -> Value {
    json!({"message": {"messageId": id, "role": "ROLE_USER", "parts": [{"data": data}]}})
}

#[tokio::test]
async fn errors_have_the_protocols_codes() {
    let server = Server::start().await;
    let admin = &server.admin;
    let list = call("ListTasks", &json!({}));
    for (body, headers, code, word) in [
        (list.clone(), vec![JSON], -32009, "A2A-Version: 1.0"),
        (list.clone(), vec![JSON, ("a2a-version", "0.3")], -32009, "0.3"),
        (list.clone(), vec![JSON, ("a2a-version", "1.1")], -32009, "1.1"),
        (list.clone(), vec![("content-type", "text/plain"), ONE], -32005, "application/json"),
        (json!([list]), vec![JSON, ONE], -32600, "one object"),
        (json!({"jsonrpc": "2.0", "method": "ListTasks"}), vec![JSON, ONE], -32600, "`id`"),
        (json!({"jsonrpc": "1.0", "id": 7, "method": "ListTasks"}), vec![JSON, ONE], -32600, "2.0"),
        (call("message/send", &json!({})), vec![JSON, ONE], -32601, "message/send"),
        (call("SendMessage", &json!({})), vec![JSON, ONE], -32602, "message"),
        (call("GetTask", &json!({"id": "x"})), vec![JSON, ONE], -32001, "`x`"),
        (call("ListTasks", &json!({"pageSize": 101})), vec![JSON, ONE], -32602, "100"),
        (call("ListTasks", &json!({"pageToken": "x"})), vec![JSON, ONE], -32602, "cursor"),
        (call("ListTasks", &json!({"tenant": "globex"})), vec![JSON, ONE], -32602, "leave it out"),
        (call("GetTaskPushNotificationConfig", &json!({})), vec![JSON, ONE], -32001, "there is no task"),
    ] {
        let answer = server.send(rpc(admin, "/a2a", &body, &headers)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (200, &json!(code)), "{body}");
        assert!(answer.text.contains(word), "{word}: {}", answer.text);
        assert!(answer.body["error"]["data"][0]["reason"].is_string(), "{}", answer.text);
    }
    let torn = request("POST", "/a2a", Some(admin)).header(JSON.0, JSON.1).header(ONE.0, ONE.1);
    let answer = server.send(torn.body(Body::from("{\"a\": ")).unwrap()).await;
    assert_eq!((&answer.body["error"]["code"], &answer.body["id"]), (&json!(-32700), &Value::Null));
}

#[tokio::test]
async fn both_bindings_and_both_forms_of_the_address() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    // Over protobuf whole numbers come as doubles.
    let document = json!({"template": "lend", "input": {}});
    let sent = call("SendMessage", &said(&document, "m-1"));
    for path in ["/a2a", "/a2a/"] {
        let answer = server.send(rpc(&sam, path, &sent, &[JSON, ("a2a-version", "1.0.1")])).await;
        assert_eq!(answer.body["id"], 7, "{}", answer.text);
        assert_eq!(
            answer.body["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED",
            "{}",
            answer.text
        );
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    for media in ["application/json", "application/a2a+json"] {
        let body = said(&document, "m-1");
        let answer =
            server.send(rpc(&sam, "/a2a/message:send", &body, &[("content-type", media), ONE])).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/a2a+json");
    }
    let listed = server
        .send(
            request("GET", "/a2a/tasks?pageSize=5&includeArtifacts=true&A2A-Version=1.0", Some(&sam))
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(listed.body["tasks"].as_array().map(Vec::len), Some(1), "{}", listed.text);
    assert_eq!(listed.body["nextPageToken"], "");
    let task = listed.body["tasks"][0]["id"].as_str().unwrap();
    assert!(task.starts_with("run_"));
    for (method, path, status, reason) in [
        ("POST", format!("/a2a/tasks/{task}:cancel"), 409, "TASK_NOT_CANCELABLE"),
        ("POST", format!("/a2a/tasks/{task}:subscribe"), 400, "UNSUPPORTED_OPERATION"),
        ("GET", format!("/a2a/tasks/{task}:subscribe"), 400, "UNSUPPORTED_OPERATION"),
        ("GET", "/a2a/tasks/run_x".to_owned(), 404, "TASK_NOT_FOUND"),
        ("GET", format!("/a2a/tasks/{task}/pushNotificationConfigs/c"), 404, "TASK_NOT_FOUND"),
        ("DELETE", "/a2a/tasks/run_x/pushNotificationConfigs/c".to_owned(), 404, "TASK_NOT_FOUND"),
    ] {
        let asked = request(method, &path, Some(&sam)).header(ONE.0, ONE.1).body(Body::empty()).unwrap();
        let answer = server.send(asked).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(answer.body["error"]["code"], status);
        assert_eq!(answer.body["error"]["details"][0]["reason"], reason);
        assert_eq!(answer.body["error"]["details"][0]["domain"], "a2a-protocol.org");
    }
}

#[tokio::test]
async fn a_message_holds_one_contract() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let lend = json!({"template": "lend", "input": {}});
    let whole =
        contract("bare", &json!([{"id": "a", "skill": "work", "retry": {"max": 3.0, "backoff": "1ms"}}]));
    let several = |count: usize| json!({"apiVersion": "concordat/v1", "kind": "Submission", "contracts": vec![lend.clone(); count]});
    let part = |value: Value| vec![json!({"data": value})];
    for (id, parts, error) in [
        ("a", part(whole.clone()), None),
        ("b", part(json!({"contract": whole})), None),
        ("c", part(several(1)), None),
        ("d", vec![json!({"text": "as agreed"}), json!({"data": lend})], None),
        ("e", part(several(2)), Some((-32602, "by itself"))),
        ("f", part(json!([1])), Some((-32602, "an object"))),
        ("g", part(Value::Null), Some((-32602, "an object"))),
        ("h", vec![json!({"data": lend}), json!({"data": lend})], Some((-32602, "one data part"))),
        ("i", vec![json!({"text": "lend"})], Some((-32005, "in words"))),
        ("j", vec![json!({"data": lend}), json!({"raw": "AA=="})], Some((-32005, "no files"))),
        ("l", vec![json!({"data": lend, "mediaType": "application/json; charset=utf-8"})], None),
        (
            "m",
            vec![json!({"data": lend, "mediaType": "application/x-odd"})],
            Some((-32005, "application/x-odd")),
        ),
        ("k", vec![], Some((-32602, "no parts"))),
        ("", part(lend.clone()), Some((-32602, "messageId"))),
        ("ä", part(lend.clone()), Some((-32602, "messageId"))),
    ] {
        let params = json!({"message": {"messageId": id, "role": "ROLE_USER", "parts": parts}});
        let answer = server.send(rpc(&sam, "/a2a", &call("SendMessage", &params), &[JSON, ONE])).await;
        match error {
            None => assert_eq!(
                answer.body["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED",
                "{id}: {}",
                answer.text
            ),
            Some((code, word)) => {
                assert_eq!(answer.body["error"]["code"], code, "{id}: {}", answer.text);
                assert!(answer.text.contains(word), "{word}: {}", answer.text);
            }
        }
    }
    let agent = json!({"message": {"messageId": "z", "role": "ROLE_AGENT", "parts": part(lend)}});
    let answer = server.send(rpc(&sam, "/a2a", &call("SendMessage", &agent), &[JSON, ONE])).await;
    assert_eq!(answer.body["error"]["code"], -32602);
}

#[tokio::test]
async fn policy_decides_as_everywhere() {
    let server = Server::start().await;
    let viewer = server.key("vera", "acme", &[Role::Viewer]).await;
    let before = server.log_size();
    let send = call("SendMessage", &said(&json!({"template": "lend", "input": {}}), "m-1"));
    let refused = server.send(rpc(&viewer, "/a2a", &send, &[JSON, ONE])).await;
    assert_eq!(refused.body["error"]["code"], -32000, "{}", refused.text);
    let info = &refused.body["error"]["data"][0];
    assert_eq!((&info["reason"], &info["domain"]), (&json!("POLICY_FORBIDDEN"), &json!("concordat")));
    assert!(info["metadata"]["decision"].as_str().unwrap().starts_with("dec_"), "{info}");
    // The refusal is in the log, as over `/v1`.
    assert_eq!(server.log_size(), before + 1);
    let nobody = server.send(rpc("cdt_x", "/a2a", &send, &[JSON, ONE])).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn the_card_is_open_and_names_nothing_of_anybody() {
    let server =
        Server::with(&Config { hosts: vec!["concordat.example".to_owned()], ..Config::default() }).await;
    let card = server.get("", "/.well-known/agent-card.json").await;
    assert_eq!(card.status, 200);
    assert!(!card.text.contains("lend\""), "{}", card.text);
    assert_eq!(card.headers["cache-control"], "public, max-age=300");
    let url = |card: &Answer| card.body["supportedInterfaces"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(url(&card), "http://localhost/a2a");
    let known =
        request("GET", "/.well-known/agent-card.json", None).header("if-none-match", &card.headers["etag"]);
    assert_eq!(server.send(known.body(Body::empty()).unwrap()).await.status, 304);
    // Keys do not travel in the clear to a name.
    let named =
        Request::builder().uri("/.well-known/agent-card.json").header("host", "concordat.example:8443");
    assert_eq!(
        url(&server.send(named.body(Body::empty()).unwrap()).await),
        "https://concordat.example:8443/a2a"
    );
    let extended = server
        .send(rpc(&server.admin, "/a2a", &call("GetExtendedAgentCard", &json!({})), &[JSON, ONE]))
        .await;
    assert!(extended.text.contains("lend@1.0.0"), "{}", extended.text);
    let elsewhere = Config { public_url: Some("https://c.example/base/".to_owned()), ..Config::default() };
    let card = Server::with(&elsewhere).await.get("", "/.well-known/agent-card.json").await;
    assert_eq!(url(&card), "https://c.example/base/a2a");
}

#[tokio::test]
async fn tasks_are_listed_by_their_state() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let one = |skill: &str| contract(skill, &json!([{"id": "a", "skill": skill}]));
    let mut tasks = Vec::new();
    for skill in ["work", "fail", "hang", "work"] {
        let mut params = said(&one(skill), &format!("m-{}", tasks.len()));
        params["configuration"] = json!({"returnImmediately": true});
        let answer = server.send(rpc(&sam, "/a2a", &call("SendMessage", &params), &[JSON, ONE])).await;
        let task = answer.body["result"]["task"]["id"].as_str().unwrap().to_owned();
        let settled = match skill {
            "fail" => "failed",
            "hang" => "running",
            _ => "completed",
        };
        server.settled(&sam, &task, &[settled]).await;
        tasks.push(task);
    }
    let listed = async |status: &str, size: usize| {
        let params = json!({"status": status, "pageSize": size});
        server.send(rpc(&sam, "/a2a", &call("ListTasks", &params), &[JSON, ONE])).await
    };
    for (status, size, wanted, more) in [
        ("TASK_STATE_COMPLETED", 1, vec![3], true),
        ("TASK_STATE_COMPLETED", 2, vec![3, 0], false),
        ("TASK_STATE_FAILED", 9, vec![1], false),
        ("TASK_STATE_WORKING", 9, vec![2], false),
        ("TASK_STATE_CANCELED", 9, vec![], false),
        ("TASK_STATE_AUTH_REQUIRED", 9, vec![], false),
        ("TASK_STATE_UNSPECIFIED", 9, vec![3, 2, 1, 0], false),
    ] {
        let answer = listed(status, size).await;
        let found: Vec<&str> = answer.body["result"]["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["id"].as_str().unwrap())
            .collect();
        let wanted: Vec<&str> = wanted.into_iter().map(|nth: usize| tasks[nth].as_str()).collect();
        assert_eq!(found, wanted, "{status}: {}", answer.text);
        assert_eq!(answer.body["result"]["nextPageToken"] != "", more, "{status}: {}", answer.text);
    }
    let odd = listed("completed", 9).await;
    assert_eq!(odd.body["error"]["code"], -32602, "{}", odd.text);
    // A page goes on only in the list that it is of.
    let token = listed("TASK_STATE_COMPLETED", 1).await.body["result"]["nextPageToken"].clone();
    for (status, code) in [("TASK_STATE_COMPLETED", Value::Null), ("TASK_STATE_FAILED", json!(-32602))] {
        let params = json!({"status": status, "pageToken": token});
        let answer = server.send(rpc(&sam, "/a2a", &call("ListTasks", &params), &[JSON, ONE])).await;
        assert_eq!(answer.body["error"]["code"], code, "{status}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_the_words_of_the_binding() {
    let server = Server::start().await;
    let admin = server.admin.as_str();
    for (method, path, key, origin, status, word, reason) in [
        ("GET", "/a2a/tasks", None, None, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        ("GET", "/a2a/tasks", Some("cdt_x"), None, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (
            "GET",
            "/a2a/tasks",
            Some(admin),
            Some("http://evil.example"),
            403,
            "PERMISSION_DENIED",
            "CROSS_SITE",
        ),
        ("GET", "/a2a/nothing", Some(admin), None, 404, "NOT_FOUND", "METHOD_NOT_FOUND"),
        ("DELETE", "/a2a/tasks", Some(admin), None, 405, "UNIMPLEMENTED", "METHOD_NOT_FOUND"),
        ("POST", "/a2a/tasks/run_x:burn", Some(admin), None, 404, "NOT_FOUND", "METHOD_NOT_FOUND"),
    ] {
        let mut asked = request(method, path, key).header(ONE.0, ONE.1);
        if let Some(origin) = origin {
            asked = asked.header("origin", origin);
        }
        let answer = server.send(asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/json");
        let error = &answer.body["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(word)), "{}", answer.text);
        assert_eq!(error["details"][0]["reason"], reason, "{}", answer.text);
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
    }
}
