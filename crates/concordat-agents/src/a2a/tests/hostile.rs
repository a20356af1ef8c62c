//! Agents that lie, flood, stall and speak nonsense: each has a name, within the deadline, for one request.

use super::*;

const DEADLINE: Duration = Duration::from_secs(5);

/// One order to an agent that speaks `bytes`, over either protocol.
async fn check(
    name: &str,
    protocol: A2aProtocol,
    answers: A2aAnswers,
    bytes: Vec<u8>,
    then: Then,
    expected: &str,
) {
    // Short enough to wait for, long enough for a busy machine to bring a request over.
    let stalls = then == Then::Stall;
    let limits = Limits { idle: Duration::from_millis(if stalls { 50 } else { 5000 }), ..Limits::default() };
    let deadline = if stalls { Duration::from_millis(500) } else { DEADLINE };
    let agent = agent(vec![bytes], then).await;
    let at = interface(protocol, answers, agent.port);
    let began = tokio::time::Instant::now();
    let said = carried_out(&at, limits, deadline).await;
    assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
    assert!(began.elapsed() <= deadline + DEADLINE, "{name} ({protocol:?})");
    let sent = agent.heard().iter().filter(|request| request.contains("messageId")).count();
    assert_eq!(sent, 1, "{name} ({protocol:?}): one order is one message");
}

const MALFORMED: &str = "failed: Malformed Agent agent-malformed: ";

#[tokio::test]
async fn hostile_heads() {
    let many = "a: b\r\n".repeat(10_000);
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(65536));
    for (name, bytes, then, expected) in [
        (
            "a redirect to a private address",
            http("307 Away", "location: http://10.0.0.1/\r\n", ""),
            Then::Next,
            "the agent redirects",
        ),
        (
            "a redirect to metadata",
            http("302 Away", "location: http://169.254.169.254/\r\n", ""),
            Then::Next,
            "the agent redirects",
        ),
        (
            "HTML",
            http("200 OK", "content-type: text/html\r\n", "<h1>Hello"),
            Then::Next,
            "the agent's reply is `text/html`",
        ),
        ("no content type", http("200 OK", "", "{}"), Then::Next, "the agent's reply is `nothing`"),
        (
            "gzip",
            http("200 OK", &format!("{JSON}content-encoding: gzip\r\n"), "\x1f"),
            Then::Next,
            "the agent's reply has the content encoding `gzip`",
        ),
        (
            "a compressed bomb",
            http("200 OK", &format!("{JSON}content-encoding: br\r\n"), "x"),
            Then::Flood,
            "the agent's reply has the content encoding `br`",
        ),
        (
            "10,000 headers",
            http("200 OK", &format!("{JSON}{many}"), "{}"),
            Then::Next,
            "the agent's reply has more than 64",
        ),
        ("an endless head", endless, Then::Flood, "the agent's reply has more than 64"),
        ("not HTTP", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), Then::Close, "the agent's reply is not HTTP"),
        ("switching protocols", http("101 Switch", "upgrade: x\r\n", ""), Then::Next, ""),
    ] {
        for protocol in BOTH {
            for answers in [A2aAnswers::Blocking, A2aAnswers::Streaming] {
                let expected = format!("{MALFORMED}{expected}");
                check(name, protocol, answers, bytes.clone().into_bytes(), then, &expected).await;
            }
        }
    }
}

#[tokio::test]
async fn hostile_statuses() {
    let busy = "failed: Unavailable Nobody agent-busy";
    for (name, bytes, expected) in [
        ("500", http("500 Oops", "content-type: text/html\r\n", "<h1>"), "unknown: status 500"),
        ("502", http("502 Bad", JSON, "{}"), "unknown: status 502"),
        ("503 with a time", http("503 Busy", "retry-after: 7\r\n", ""), busy),
        ("429", http("429 Busy", "", ""), busy),
        ("401", http("401 Who?", "", ""), "failed: Failed Ours agent-auth-required"),
        (
            "403",
            http("403 No", "content-type: text/html\r\n", "<h1>"),
            "failed: Failed Ours agent-auth-required",
        ),
        ("404", http("404 What?", "", ""), "failed: Failed Agent agent-unsupported"),
        ("400", http("400 Bad", JSON, "[]"), "failed: Failed Ours agent-bad-params"),
        ("418", http("418 Teapot", "", ""), "failed: Failed Agent agent-error"),
    ] {
        for protocol in BOTH {
            for answers in [A2aAnswers::Blocking, A2aAnswers::Streaming] {
                check(name, protocol, answers, bytes.clone().into_bytes(), Then::Next, expected).await;
            }
        }
    }
}

/// What a result may not be, whichever way it comes.
#[tokio::test]
async fn hostile_results() {
    let done = task("COMPLETED");
    let artifacts = |parts: Value| json!({"task": {"id": "t", "status": {"state": "TASK_STATE_COMPLETED"}, "artifacts": [{"artifactId": "a", "parts": parts}]}});
    let odd = "the agent's reply is not A2A: ";
    for (name, result, expected) in [
        ("a task and a message", json!({"task": done, "message": {"parts": []}}), "it is more than one of"),
        ("neither", json!({}), "it is neither a task nor"),
        ("text", json!("done"), "the answer is not an object"),
        ("a list", json!([{"task": done}]), "the answer is not an object"),
        ("a task in text", json!({"task": "t-1"}), "the task is not an object"),
        ("no id", json!({"task": {"status": {"state": "TASK_STATE_COMPLETED"}}}), "the id of the task"),
        (
            "a long id",
            json!({"task": {"id": "x".repeat(300), "status": {"state": "TASK_STATE_COMPLETED"}}}),
            "the id of the task",
        ),
        (
            "a number for an id",
            json!({"task": {"id": 7, "status": {"state": "TASK_STATE_COMPLETED"}}}),
            "the id of the task",
        ),
        ("no status", json!({"task": {"id": "t"}}), "the status of the task is not an object"),
        ("no state", json!({"task": {"id": "t", "status": {}}}), "the state of the task is none"),
        ("an odd state", json!({"task": task("HAPPY")}), "the state of the task is none"),
        (
            "a state of 0.3",
            json!({"task": {"id": "t", "status": {"state": "completed"}}}),
            "the state of the task is none",
        ),
        (
            "odd artifacts",
            json!({"task": {"id": "t", "status": {"state": "TASK_STATE_COMPLETED"}, "artifacts": {}}}),
            "`artifacts` is not a list",
        ),
        ("odd parts", artifacts(json!({"data": 1})), "`parts` is not a list"),
        ("an empty part", artifacts(json!([{}])), "a part is neither"),
        ("a part of two kinds", artifacts(json!([{"text": "a", "data": 1}])), "a part is more than one"),
        ("text that is none", artifacts(json!([{"text": {"a": 1}}])), "the `text` of a part is not text"),
        (
            "an event",
            json!({"statusUpdate": {"taskId": "t", "status": {"state": "TASK_STATE_COMPLETED"}}}),
            "an event stands where",
        ),
    ] {
        for protocol in BOTH {
            let expected = format!("{MALFORMED}{odd}{expected}");
            check(name, protocol, A2aAnswers::Blocking, answer(protocol, 0, &result), Then::Next, &expected)
                .await;
        }
    }
}

/// What an agent says of a task that it has taken, and whether it is told to stop then.
#[tokio::test]
async fn a_task_that_nonsense_is_said_of_is_called_off_unless_it_has_ended() {
    let odd = |task: Value| with(task, "/artifacts", json!([{"artifactId": "a", "parts": {"data": 1}}]));
    let muttering = |state: &str| with(task(state), "/status/message", json!({"parts": 7}));
    let other = with(task("COMPLETED"), "/id", json!("t-2"));
    let rpc = |nth: usize, members: Value| {
        let mut answer = json!({"jsonrpc": "2.0", "id": format!("dec_1/{nth}")});
        answer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        http("200 OK", JSON, &answer.to_string()).into_bytes()
    };
    let both = json!({"result": task("COMPLETED"), "error": {"code": 1, "message": "x"}});
    for protocol in BOTH {
        let then = |result: Value| {
            vec![answer(protocol, 0, &json!({"task": task("WORKING")})), answer(protocol, 1, &result)]
        };
        let at_once = |result: Value| vec![answer(protocol, 0, &json!({"task": result}))];
        let html = http("200 OK", "content-type: text/html\r\n", "<h1>").into_bytes();
        let mut cases = vec![
            ("another task", then(other.clone()), true),
            ("no state that there is", then(task("HAPPY")), true),
            ("HTML", vec![then(Value::Null).remove(0), html], true),
            ("a piece that cannot be read", then(odd(task("WORKING"))), true),
            ("words that cannot be read", then(muttering("WORKING")), true),
            ("a question that cannot be read", then(muttering("INPUT_REQUIRED")), true),
            ("the same at once", at_once(odd(task("SUBMITTED"))), true),
            ("a result that cannot be read", then(odd(task("COMPLETED"))), false),
            ("the same result at once", at_once(odd(task("COMPLETED"))), false),
            (
                "a file",
                then(with(task("COMPLETED"), "/artifacts", json!([{"parts": [{"url": "a"}]}]))),
                false,
            ),
            ("a failure that cannot be read", then(muttering("FAILED")), false),
        ];
        if protocol == A2aProtocol::JsonRpc {
            let first = || then(Value::Null).remove(0);
            cases.push(("the wrong id", vec![first(), rpc(7, json!({"result": task("WORKING")}))], true));
            cases.push(("both", vec![first(), rpc(1, both.clone())], true));
        }
        for (name, mut texts, stops) in cases {
            let asked = texts.len();
            texts.push(answer(protocol, asked, &task("CANCELED")));
            let agent = agent(texts, Then::Next).await;
            let at = interface(protocol, A2aAnswers::Polling, agent.port);
            let said = carried_out(&at, Limits::default(), DEADLINE).await;
            assert!(said.starts_with(MALFORMED), "{name} ({protocol:?}): {said}");
            let heard = agent.heard();
            assert_eq!(heard.len(), asked + usize::from(stops), "{name} ({protocol:?}): {heard:?}");
            let cancels = |request: &String| request.contains("CancelTask") || request.contains("t-1:cancel");
            assert_eq!(heard.last().is_some_and(cancels), stops, "{name} ({protocol:?}): {heard:?}");
        }
    }
}

#[tokio::test]
async fn hostile_documents() {
    let whole = |protocol, inner: &str| {
        let body = match protocol {
            A2aProtocol::JsonRpc => format!(r#"{{"jsonrpc":"2.0","id":"dec_1/0","result":{inner}}}"#),
            A2aProtocol::HttpJson => inner.to_owned(),
        };
        body.into_bytes()
    };
    let deep = format!("{}1{}", "[".repeat(500_000), "]".repeat(500_000));
    let many = format!("[{}0]", "0,".repeat(200_000));
    for (name, inner, expected) in [
        ("deep JSON", deep.as_str(), "the agent's reply is nested deeper"),
        ("a wide tree", many.as_str(), "the agent's reply holds more than 100000"),
        ("two keys", r#"{"task":1,"task":2}"#, "the agent's reply has the key `task` twice"),
        ("NaN", "NaN", "the agent's reply is not JSON"),
        (
            "a number beyond",
            r#"{"task":{"id":12345678901234567890}}"#,
            "the agent's reply holds a number beyond 2^53",
        ),
        ("a lone surrogate", r#""\udead""#, "the agent's reply is not JSON"),
        ("two answers", "{} {}", "the agent's reply is not JSON"),
        ("broken off", r#"{"task""#, "the agent's reply is not JSON"),
    ] {
        for protocol in BOTH {
            let body = whole(protocol, inner);
            let head =
                format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n", body.len()).into_bytes();
            let expected = format!("{MALFORMED}{expected}");
            check(name, protocol, A2aAnswers::Blocking, [head, body.clone()].concat(), Then::Next, &expected)
                .await;
            let event = [b"data: ".to_vec(), body, b"\n\n".to_vec()].concat();
            let head =
                format!("HTTP/1.1 200 OK\r\n{EVENTS}content-length: {}\r\n\r\n", event.len()).into_bytes();
            let expected = if event.len() > 1024 * 1024 {
                format!("{MALFORMED}the agent's reply is larger")
            } else {
                expected
            };
            check(name, protocol, A2aAnswers::Streaming, [head, event].concat(), Then::Next, &expected).await;
        }
    }
}

#[tokio::test]
async fn hostile_envelopes() {
    let done = json!({"task": task("COMPLETED")});
    for (name, body, expected) in [
        (
            "the wrong id",
            json!({"jsonrpc": "2.0", "id": "dec_2/0", "result": done}),
            "the agent's reply carries another id",
        ),
        ("no id", json!({"jsonrpc": "2.0", "result": done}), "the agent's reply carries another id"),
        (
            "both",
            json!({"jsonrpc": "2.0", "id": "dec_1/0", "result": done, "error": {"code": 1, "message": "x"}}),
            "the agent's reply is not a JSON-RPC",
        ),
        ("neither", json!({"jsonrpc": "2.0", "id": "dec_1/0"}), "the agent's reply is not a JSON-RPC"),
        (
            "a batch",
            json!([{"jsonrpc": "2.0", "id": "dec_1/0", "result": done}]),
            "the agent's reply is not a JSON-RPC",
        ),
        (
            "another version",
            json!({"jsonrpc": "1.0", "id": "dec_1/0", "result": done}),
            "the agent's reply is not a JSON-RPC",
        ),
    ] {
        for (answers, text) in [
            (A2aAnswers::Blocking, http("200 OK", JSON, &body.to_string())),
            (A2aAnswers::Streaming, http("200 OK", EVENTS, &format!("data: {body}\n\n"))),
        ] {
            let expected = format!("{MALFORMED}{expected}");
            check(name, A2aProtocol::JsonRpc, answers, text.into_bytes(), Then::Next, &expected).await;
        }
    }
}

#[tokio::test]
async fn hostile_ends() {
    let large = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 10000000000\r\n\r\n");
    let endless = format!("HTTP/1.1 200 OK\r\n{JSON}connection: close\r\n\r\n");
    let stream = format!("HTTP/1.1 200 OK\r\n{EVENTS}connection: close\r\n\r\ndata: ");
    let half = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 100\r\n\r\n{{");
    let larger = format!("{MALFORMED}the agent's reply is larger");
    for (name, answers, text, then, expected) in [
        ("ten gigabytes, declared", A2aAnswers::Blocking, large, Then::Stall, larger.as_str()),
        ("an endless body", A2aAnswers::Blocking, endless, Then::Flood, &larger),
        ("an endless event", A2aAnswers::Streaming, stream.clone(), Then::Flood, &larger),
        (
            "silence",
            A2aAnswers::Blocking,
            String::new(),
            Then::Stall,
            "unknown: the agent did not finish within 450ms",
        ),
        (
            "a silent stream",
            A2aAnswers::Streaming,
            stream.clone(),
            Then::Stall,
            "unknown: the agent did not finish within 450ms",
        ),
        (
            "silence in the body",
            A2aAnswers::Blocking,
            half.clone(),
            Then::Stall,
            "unknown: the agent fell silent",
        ),
        ("half a body", A2aAnswers::Blocking, half, Then::Close, "unknown: the connection"),
        ("a stream cut off", A2aAnswers::Streaming, stream, Then::Close, "unknown: the connection"),
        ("reset", A2aAnswers::Blocking, String::new(), Then::Reset, "unknown: the connection"),
    ] {
        for protocol in BOTH {
            check(name, protocol, answers, text.clone().into_bytes(), then, expected).await;
        }
    }
}

#[tokio::test]
async fn one_byte_at_a_time_lasts_no_longer_than_the_step() {
    for protocol in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let agent = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    read_request(&mut stream).await;
                    let head = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 1000\r\n\r\n");
                    let mut more = stream.write_all(head.as_bytes()).await.is_ok();
                    let mut drip = tokio::time::interval(Duration::from_millis(20));
                    while more {
                        drip.tick().await;
                        more = stream.write_all(b" ").await.is_ok();
                    }
                });
            }
        });
        let at = interface(protocol, A2aAnswers::Blocking, port);
        let said = carried_out(&at, Limits::default(), Duration::from_millis(600)).await;
        assert!(said.starts_with("unknown: the agent did not finish within 540ms"), "{said}");
        agent.abort();
    }
}

#[tokio::test]
async fn closed_addresses_are_not_spoken_to() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for (endpoint, expected) in [
        (
            format!("http://127.0.0.1:{closed}/"),
            "failed: Unavailable Unreachable agent-unreachable: no connection",
        ),
        (
            "https://10.0.0.1/".to_owned(),
            "failed: Unavailable Unreachable agent-unreachable: `10.0.0.1:443` leads to",
        ),
        (
            "http://agents.example/".to_owned(),
            "failed: Unavailable Unreachable agent-unreachable: `agents.example:80` is",
        ),
        (
            "https://[::ffff:a9fe:a9fe]/".to_owned(),
            "failed: Unavailable Unreachable agent-unreachable: `[::ffff:169.254",
        ),
    ] {
        for protocol in BOTH {
            let at = Interface {
                endpoint: Endpoint::parse(&endpoint).unwrap(),
                ..interface(protocol, A2aAnswers::Blocking, 1)
            };
            let said = carried_out(&at, Limits::default(), DEADLINE).await;
            assert!(said.starts_with(expected), "{endpoint}: expected `{expected}`, but: {said}");
        }
    }
}
