//! What agents make of an order, in every state that there is.

use super::*;

/// An order to an agent that gives these answers, one a request; what the engine learns, and how often it was asked.
async fn check(
    name: &str,
    protocol: A2aProtocol,
    answers: A2aAnswers,
    results: &[Value],
    expected: &str,
) -> Agent {
    let texts = results.iter().enumerate().map(|(nth, result)| answer(protocol, nth, result)).collect();
    let agent = agent(texts, Then::Next).await;
    let at = interface(protocol, answers, agent.port);
    let said = carried_out(&at, Limits::default(), LONG).await;
    assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
    assert_eq!(agent.requests(), results.len(), "{name} ({protocol:?})");
    agent
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn whatever_becomes_of_a_task_has_a_name() {
    let artifacts = json!([{"artifactId": "a", "parts": [{"data": {"score": 700.0}}]}]);
    let said = |text: &str| json!({"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": text}]});
    let told = |state: &str, text: &str| json!({"task": with(task(state), "/status/message", said(text))});
    for (name, results, expected) in [
        (
            "completed",
            vec![json!({"task": with(task("COMPLETED"), "/artifacts", artifacts.clone())})],
            "completed: {\"score\":700}",
        ),
        ("completed in words", vec![told("COMPLETED", "done")], "completed: {\"text\":\"done\"}"),
        ("completed with nothing", vec![json!({"task": task("COMPLETED")})], "completed: null"),
        ("a message", vec![json!({"message": said("hello")})], "completed: {\"text\":\"hello\"}"),
        (
            "failed",
            vec![told("FAILED", "no funds\r\nforged")],
            "failed: Failed Agent agent-error: the agent failed: no funds forged",
        ),
        (
            "rejected",
            vec![told("REJECTED", "not my job")],
            "failed: Failed Agent agent-rejected: the agent declines the work: not my job",
        ),
        (
            "canceled",
            vec![json!({"task": task("CANCELED")})],
            "failed: Failed Agent agent-canceled: the agent stopped by itself",
        ),
        (
            "input required",
            vec![told("INPUT_REQUIRED", "which year?")],
            "asked: {\"text\":\"which year?\"} about t-1 of run_1/credit/do/1",
        ),
        (
            "auth required",
            vec![told("AUTH_REQUIRED", "log in"), task("CANCELED")],
            "failed: Failed Ours agent-auth-required: the agent asks for credentials: whoever runs the agents has to set \
             them, and then the contract can be retried from this step: log in",
        ),
        (
            "at work, then completed",
            vec![
                json!({"task": task("SUBMITTED")}),
                task("WORKING"),
                with(task("COMPLETED"), "/artifacts", artifacts),
            ],
            "completed: {\"score\":700}",
        ),
        (
            "at work, then failed",
            vec![json!({"task": task("WORKING")}), task("FAILED")],
            "failed: Failed Agent agent-error",
        ),
        (
            "a file",
            vec![
                json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"url": "http://10.0.0.1/"}]}}),
            ],
            "failed: Malformed Agent agent-malformed: the agent's reply is not A2A: the result is a file",
        ),
        (
            "another task",
            vec![
                json!({"task": task("WORKING")}),
                with(task("COMPLETED"), "/id", json!("t-2")),
                task("CANCELED"),
            ],
            "failed: Malformed Agent agent-malformed: the agent's reply is not A2A: it is about another task",
        ),
    ] {
        for protocol in BOTH {
            check(name, protocol, A2aAnswers::Blocking, &results, expected).await;
        }
    }
}

#[tokio::test]
async fn the_request_says_who_asks_and_for_what() {
    for (protocol, answers, place, accept) in [
        (A2aProtocol::JsonRpc, A2aAnswers::Blocking, "POST /a2a HTTP/1.1", "application/json"),
        (
            A2aProtocol::HttpJson,
            A2aAnswers::Polling,
            "POST /a2a/message:send HTTP/1.1",
            "application/a2a+json",
        ),
    ] {
        let results = [json!({"task": task("WORKING")}), task("COMPLETED")];
        let agent = check("a request", protocol, answers, &results, "completed: null").await;
        let heard = agent.heard();
        let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
        let accept = format!("accept: {accept}");
        for line in [
            place,
            "a2a-version: 1.0",
            "content-type: application/json",
            &accept,
            "accept-encoding: identity",
            "idempotency-key: run_1/credit/do",
            "concordat-decision: dec_1",
            "concordat-log-size: 7",
            "traceparent: 00-1-2-01",
        ] {
            assert!(head.lines().any(|found| found == line), "{line} is missing in\n{head}");
        }
        let body: Value = serde_json::from_str(body).unwrap();
        let params = if protocol == A2aProtocol::JsonRpc { &body["params"] } else { &body };
        assert_eq!(
            *params,
            json!({
                "message": {
                    "messageId": "run_1/credit/do", "contextId": "run_1/credit/do/1", "role": "ROLE_USER",
                    "parts": [{"data": {"applicant_id": "ap-1"}, "mediaType": "application/json"}],
                    "metadata": {"concordat": {
                        "skill": "check_credit", "decision": "dec_1", "idempotencyKey": "run_1/credit/do",
                        "run": "run_1", "step": "credit", "attempt": 1, "deadlineMs": 10000, "logSize": 7,
                    }},
                },
                "configuration": {
                    "acceptedOutputModes": ["application/json", "text/plain"],
                    "returnImmediately": answers == A2aAnswers::Polling,
                },
            })
        );
        let asked = heard[1].lines().next().unwrap();
        match protocol {
            A2aProtocol::JsonRpc => assert!(heard[1].contains(r#""method":"GetTask""#), "{}", heard[1]),
            A2aProtocol::HttpJson => assert_eq!(asked, "GET /a2a/tasks/t-1 HTTP/1.1"),
        }
    }
}

#[tokio::test]
async fn ids_of_tasks_stay_in_their_place() {
    let odd = "../../admin?x=1#y";
    let results = [
        json!({"task": with(task("WORKING"), "/id", json!(odd))}),
        with(task("COMPLETED"), "/id", json!(odd)),
    ];
    let agent =
        check("an odd id", A2aProtocol::HttpJson, A2aAnswers::Blocking, &results, "completed: null").await;
    assert!(
        agent.heard()[1].starts_with("GET /a2a/tasks/..%2F..%2Fadmin%3Fx=1%23y HTTP/1.1"),
        "{:?}",
        agent.heard()[1]
    );
}

#[tokio::test]
async fn tenants_have_a_place_in_either_protocol() {
    for (protocol, place) in
        [(A2aProtocol::JsonRpc, "POST /a2a HTTP"), (A2aProtocol::HttpJson, "POST /a2a/acme/message:send")]
    {
        let agent = agent(vec![answer(protocol, 0, &json!({"task": task("COMPLETED")}))], Then::Next).await;
        let at = Interface {
            tenant: Some("acme".to_owned()),
            ..interface(protocol, A2aAnswers::Blocking, agent.port)
        };
        assert_eq!(carried_out(&at, Limits::default(), LONG).await, "completed: null");
        assert!(agent.heard()[0].starts_with(place) && agent.heard()[0].contains(r#""tenant":"acme""#));
    }
}

#[tokio::test]
async fn a_line_that_breaks_before_the_answer_is_taken_up_by_the_context() {
    for protocol in BOTH {
        let listed = json!({"tasks": [task("WORKING")]});
        let texts = vec![
            http("502 Bad", "content-type: text/html\r\n", "<h1>").into_bytes(),
            answer(protocol, 1, &listed),
            answer(protocol, 2, &task("COMPLETED")),
        ];
        let agent = agent(texts, Then::Next).await;
        let at = interface(protocol, A2aAnswers::Blocking, agent.port);
        assert_eq!(carried_out(&at, Limits::default(), LONG).await, "completed: null");
        assert_eq!(agent.heard().iter().filter(|request| request.contains("messageId")).count(), 1);
    }
}

#[tokio::test]
async fn what_is_not_done_in_time_is_cancelled() {
    let cases = [
        ("it stops", "CANCELED", "failed: Timeout Agent agent-withdrawn"),
        ("it was just done", "COMPLETED", "completed: null"),
        ("it goes on", "WORKING", "unknown: the agent did not finish within 1.35s, and does not stop"),
    ];
    let check = |(name, cancelled, expected): (&'static str, &'static str, &'static str), protocol| async move {
        let cancel = match protocol {
            A2aProtocol::JsonRpc => r#""method":"CancelTask""#,
            A2aProtocol::HttpJson => "POST /a2a/tasks/t-1:cancel",
        };
        let agent = Dialogue::begin(protocol, json!({"task": task("WORKING")}), move |request| {
            task(if request.contains(cancel) { cancelled } else { "WORKING" })
        });
        let agent = agent.await;
        let at = interface(protocol, A2aAnswers::Polling, agent.port);
        let said = carried_out(&at, Limits::default(), Duration::from_millis(1500)).await;
        assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
    };
    let checks = cases.into_iter().flat_map(|case| BOTH.map(|protocol| check(case, protocol)));
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn an_answer_that_never_came_is_looked_for_by_its_context() {
    let listed =
        |tasks: Vec<Value>| json!({"tasks": tasks, "nextPageToken": "", "pageSize": 10, "totalSize": 1});
    for protocol in BOTH {
        for (name, tasks, expected) in [
            ("done", vec![task("COMPLETED")], "Done(Null)"),
            ("failed", vec![task("FAILED")], "NotDone"),
            ("rejected", vec![task("REJECTED")], "NotDone"),
            ("no task", vec![], "Unknown { message: \"the agent has no task of ours"),
            (
                "two tasks",
                vec![task("COMPLETED"), task("FAILED")],
                "Unknown { message: \"the agent has no task of ours",
            ),
            (
                "a question",
                vec![task("INPUT_REQUIRED")],
                "Asked { question: Object {}, task: RemoteTask { id: \"t-1\"",
            ),
            ("a login", vec![task("AUTH_REQUIRED")], "Unknown { message: \"the agent waits for credentials"),
        ] {
            let agent = agent(vec![answer(protocol, 0, &listed(tasks))], Then::Next).await;
            let at = interface(protocol, A2aAnswers::Blocking, agent.port);
            let sought = Sought { context: "run_1/credit/do/1", id: "dec_1", answer: None };
            let found = outcome::found(&client(Limits::default()), &at, &sought, LONG).await;
            let said = format!("{found:?}");
            assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
            let asked = &agent.heard()[0];
            match protocol {
                A2aProtocol::JsonRpc => {
                    assert!(asked.contains(r#""contextId":"run_1/credit/do/1""#), "{asked}");
                }
                A2aProtocol::HttpJson => {
                    assert!(
                        asked.starts_with("GET /a2a/tasks?contextId=run_1%2Fcredit%2Fdo%2F1&"),
                        "{asked}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn agents_of_0_3_are_spoken_to_in_their_dialect() {
    let data = json!({"kind": "data", "data": {"score": 7}});
    let done = json!({"kind": "task", "id": "t-1", "contextId": "c", "status": {"state": "completed"},
        "artifacts": [{"artifactId": "a", "parts": [data]}]});
    let working = json!({"kind": "task", "id": "t-1", "contextId": "c", "status": {"state": "working"}});
    let message = json!({"kind": "message", "messageId": "m", "role": "agent", "parts": [data]});
    let question =
        json!({"kind": "task", "id": "t-1", "contextId": "c", "status": {"state": "input-required"}});
    for (results, asked, expected) in [
        (vec![done.clone()], "message/send", "completed: {\"score\":7}"),
        (vec![message], "message/send", "completed: {\"score\":7}"),
        (vec![working, done], "tasks/get", "completed: {\"score\":7}"),
        (vec![question], "message/send", "asked: {} about t-1 of c"),
        (vec![json!({"task": task("COMPLETED")})], "message/send", "failed: Malformed Agent agent-malformed"),
    ] {
        let texts = results
            .iter()
            .enumerate()
            .map(|(nth, result)| answer(A2aProtocol::JsonRpc, nth, result))
            .collect();
        let agent = agent(texts, Then::Next).await;
        let at = Interface {
            version: A2aVersion::V03,
            ..interface(A2aProtocol::JsonRpc, A2aAnswers::Blocking, agent.port)
        };
        let said = carried_out(&at, Limits::default(), LONG).await;
        assert!(said.starts_with(expected), "expected `{expected}`, but: {said}");
        let heard = agent.heard();
        assert!(
            heard[0].contains(r#""kind":"message""#) && heard[0].contains(r#""role":"user""#),
            "{}",
            heard[0]
        );
        assert!(heard[0].contains("a2a-version: 0.3"), "{}", heard[0]);
        assert!(heard.last().unwrap().contains(&format!(r#""method":"{asked}""#)), "{heard:?}");
    }
}

#[tokio::test]
async fn errors_mean_what_the_protocol_says() {
    for (code, reason, expected) in [
        (-32001, "TASK_NOT_FOUND", "failed: Failed Agent agent-error"),
        (-32002, "TASK_NOT_CANCELABLE", "failed: Failed Agent agent-error"),
        (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", "failed: Failed Agent agent-unsupported"),
        (-32004, "UNSUPPORTED_OPERATION", "failed: Failed Agent agent-unsupported"),
        (-32005, "CONTENT_TYPE_NOT_SUPPORTED", "failed: Failed Ours agent-content-type"),
        (-32006, "INVALID_AGENT_RESPONSE", "failed: Failed Agent agent-error"),
        (-32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED", "failed: Failed Agent agent-unsupported"),
        (-32008, "EXTENSION_SUPPORT_REQUIRED", "failed: Failed Ours agent-extension-required"),
        (-32009, "VERSION_NOT_SUPPORTED", "failed: Failed Ours agent-version"),
        (-32602, "INVALID_PARAMS", "failed: Failed Ours agent-bad-params"),
        (-32601, "METHOD_NOT_FOUND", "failed: Failed Agent agent-unsupported"),
        (-32603, "INTERNAL_ERROR", "failed: Failed Agent agent-error"),
        (-32050, "SOMETHING_ELSE", "failed: Failed Agent agent-error"),
    ] {
        let rpc = json!({"jsonrpc": "2.0", "id": "dec_1/0", "error": {"code": code, "message": "no"}});
        let rest = json!({"error": {"code": 400, "status": "X", "message": "no", "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "a2a-protocol.org"},
        ]}});
        for (protocol, status, body) in
            [(A2aProtocol::JsonRpc, "200 OK", rpc), (A2aProtocol::HttpJson, "400 Bad", rest)]
        {
            let agent = agent(vec![http(status, JSON, &body.to_string()).into_bytes()], Then::Next).await;
            let at = interface(protocol, A2aAnswers::Blocking, agent.port);
            let said = carried_out(&at, Limits::default(), LONG).await;
            assert_eq!(said, format!("{expected}: no"), "{code} {protocol:?}");
        }
    }
}

#[tokio::test]
async fn credentials_go_to_their_origin_alone() {
    for protocol in BOTH {
        let texts = || vec![answer(protocol, 0, &json!({"task": task("COMPLETED")}))];
        let (known, stranger) = (agent(texts(), Then::Next).await, agent(texts(), Then::Next).await);
        let written = format!(
            r#"[{{"origin": "http://127.0.0.1:{}", "type": "bearer", "token": "t0ps3cret"}}]"#,
            known.port
        );
        let egress = Egress { allow_loopback: true, ..Egress::default() };
        let credentials = crate::Credentials::read(&written).unwrap();
        let client = A2aClient::over(Arc::new(Http::known_by(Limits::default(), egress, credentials)));
        for (agent, told) in [(known, true), (stranger, false)] {
            let at = interface(protocol, A2aAnswers::Blocking, agent.port);
            assert_eq!(
                show(outcome::arrival(&client, &at, &order(LONG), Out::default().withdrawal()).await),
                "completed: null"
            );
            assert_eq!(agent.heard()[0].contains("authorization: Bearer t0ps3cret\r\n"), told);
        }
    }
}
