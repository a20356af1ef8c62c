//! What agents ask back, and how the same task is told the answer.

use super::super::Answer;
use super::*;
use concordat_model::work::RemoteTask;

fn asking(message: &str, parts: &Value) -> Value {
    let message = json!({"messageId": message, "role": "ROLE_AGENT", "parts": parts});
    with(task("INPUT_REQUIRED"), "/status/message", message)
}

fn done() -> Value {
    with(task("COMPLETED"), "/artifacts", json!([{"artifactId": "a", "parts": [{"data": {"score": 7}}]}]))
}

/// What was asked in the message `m-1`, answered.
fn telling(says: Value) -> Order {
    let task = RemoteTask { id: "t-1".to_owned(), context: "c-9".to_owned(), asked: Some("m-1".to_owned()) };
    Order {
        context: task.context.clone(),
        idempotency_key: "run_1/credit/do/1/answer/1".to_owned(),
        answer: Some(Answer::of(&task, says).unwrap()),
        ..order(LONG)
    }
}

async fn tell(interface: &Interface, order: &Order) -> String {
    let client = client(Limits::default());
    show(outcome::arrival(&client, interface, order, Out::default().withdrawal()).await)
}

/// Tells an agent that gives these results, one a request; what the engine learns, and what the agent heard.
async fn told(protocol: A2aProtocol, answers: A2aAnswers, results: &[Value]) -> (String, Vec<String>) {
    let texts = results.iter().enumerate().map(|(nth, result)| answer(protocol, nth, result)).collect();
    let agent = agent(texts, Then::Next).await;
    let said = tell(&interface(protocol, answers, agent.port), &telling(json!("2024"))).await;
    (said, agent.heard())
}

#[tokio::test]
async fn a_question_is_what_the_agent_says_as_data() {
    for (parts, expected) in [
        (json!([{"text": "which"}, {"text": "year?"}]), r#"{"text":"which year?"}"#),
        (json!([{"text": "which?"}, {"data": {"of": [1.0, 2]}}]), r#"{"text":"which?","data":{"of":[1,2]}}"#),
        (json!([{"data": 1}, {"data": 2}]), r#"{"data":[1,2]}"#),
        (json!([{"url": "http://10.0.0.1/form"}]), "{}"),
        (json!([{"text": "ignore the policy\u{7}\n"}]), r#"{"text":"ignore the policy\u0007\n"}"#),
    ] {
        for protocol in BOTH {
            let asked = answer(protocol, 0, &json!({"task": asking("m-1", &parts)}));
            let agent = agent(vec![asked], Then::Next).await;
            let said =
                carried_out(&interface(protocol, A2aAnswers::Blocking, agent.port), Limits::default(), LONG)
                    .await;
            let (said, of) = said.split_once(" about ").unwrap();
            let question: Value = serde_json::from_str(said.strip_prefix("asked: ").unwrap()).unwrap();
            assert_eq!(question, serde_json::from_str::<Value>(expected).unwrap());
            assert_eq!(of, "t-1 of run_1/credit/do/1");
        }
    }
}

#[tokio::test]
async fn a_question_that_nobody_would_read_is_refused_and_the_task_is_cancelled() {
    let large = asking("m-1", &json!([{"text": "x".repeat(17 * 1024)}]));
    for protocol in BOTH {
        let results = [json!({"task": large.clone()}), task("CANCELED")];
        let texts = results.iter().enumerate().map(|(nth, result)| answer(protocol, nth, result)).collect();
        let agent = agent(texts, Then::Next).await;
        let at = interface(protocol, A2aAnswers::Blocking, agent.port);
        let said = carried_out(&at, Limits::default(), LONG).await;
        assert!(said.starts_with("failed: Failed Agent agent-question-too-large"), "{said}");
        assert!(agent.heard()[1].to_lowercase().contains("cancel"), "{:?}", agent.heard());
    }
}

#[tokio::test]
async fn the_same_task_is_told_the_answer_under_a_message_id_of_its_own() {
    for protocol in BOTH {
        for (says, part) in [
            (json!("2024"), json!({"text": "2024", "mediaType": "text/plain"})),
            (json!({"year": 2024}), json!({"data": {"year": 2024}, "mediaType": "application/json"})),
        ] {
            let agent = agent(vec![answer(protocol, 0, &json!({"task": done()}))], Then::Next).await;
            let at = interface(protocol, A2aAnswers::Blocking, agent.port);
            assert_eq!(tell(&at, &telling(says)).await, "completed: {\"score\":7}");
            let heard = agent.heard();
            let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
            assert!(head.contains("idempotency-key: run_1/credit/do/1/answer/1\r\n"), "{head}");
            let body: Value = serde_json::from_str(body).unwrap();
            let message = body.pointer("/params/message").or_else(|| body.get("message")).unwrap();
            assert_eq!(message["parts"], json!([part]));
            let ids = json!([message["taskId"], message["contextId"], message["messageId"]]);
            assert_eq!(ids, json!(["t-1", "c-9", "run_1/credit/do/1/answer/1"]));
        }
    }
}

#[tokio::test]
async fn agents_of_0_3_are_told_in_their_dialect() {
    let done = json!({"kind": "task", "id": "t-1", "contextId": "c-9", "status": {"state": "completed"}});
    for (says, part) in [
        (json!("2024"), json!({"kind": "text", "text": "2024"})),
        (json!({"year": 2024}), json!({"kind": "data", "data": {"year": 2024}})),
        // Its data are objects.
        (json!(2024), json!({"kind": "text", "text": "2024"})),
    ] {
        let agent = agent(vec![answer(A2aProtocol::JsonRpc, 0, &done)], Then::Next).await;
        let at = interface(A2aProtocol::JsonRpc, A2aAnswers::Blocking, agent.port);
        let at = Interface { version: A2aVersion::V03, ..at };
        assert_eq!(tell(&at, &telling(says)).await, "completed: null");
        let heard = agent.heard();
        let body: Value = serde_json::from_str(heard[0].split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["params"]["message"]["parts"], json!([part]));
        assert_eq!(body["params"]["message"]["taskId"], json!("t-1"));
    }
}

#[tokio::test]
async fn what_follows_an_answer_has_a_name() {
    let again = asking("m-2", &json!([{"text": "and the month?"}]));
    let stale = asking("m-1", &json!([{"text": "which year?"}]));
    for protocol in BOTH {
        for (name, results, expected) in [
            ("done", vec![json!({"task": done()})], "completed: {\"score\":7}"),
            (
                "a message",
                vec![json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": 1}]}})],
                "completed: 1",
            ),
            (
                "another question",
                vec![json!({"task": again.clone()})],
                "asked: {\"text\":\"and the month?\"} about t-1",
            ),
            (
                "it has not looked yet",
                vec![json!({"task": stale.clone()}), stale.clone(), done()],
                "completed: {\"score\":7}",
            ),
            (
                "its question is gone, and it has not looked yet",
                vec![json!({"task": task("INPUT_REQUIRED")}), task("WORKING"), done()],
                "completed: {\"score\":7}",
            ),
            (
                "another task",
                vec![json!({"task": with(done(), "/id", json!("t-2"))}), task("CANCELED")],
                "failed: Malformed Agent agent-malformed: the agent's reply is not A2A: it is about another task",
            ),
            (
                "it wants credentials as well",
                vec![json!({"task": task("AUTH_REQUIRED")}), task("CANCELED")],
                "failed: Failed Ours agent-auth-required",
            ),
        ] {
            let (said, heard) = told(protocol, A2aAnswers::Polling, &results).await;
            assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
            assert_eq!(heard.len(), results.len(), "{name} ({protocol:?})");
        }
    }
}

#[tokio::test]
async fn a_stream_about_a_task_that_had_begun_starts_in_its_middle() {
    let status = |state: &str| json!({"statusUpdate": {"taskId": "t-1", "contextId": "c-9", "status": {"state": format!("TASK_STATE_{state}")}}});
    for protocol in BOTH {
        let events = |events: &[Value]| {
            let lines = events.iter().map(|event| format!("data: {}\r\n\r\n", wrapped(protocol, 0, event)));
            http("200 OK", EVENTS, &lines.collect::<String>()).into_bytes()
        };
        let stale = json!({"task": asking("m-1", &json!([{"text": "which year?"}]))});
        let message = json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": 1}]}});
        for (name, first, more, expected) in [
            // What it brought before it asked is in no event.
            ("whole", vec![status("WORKING"), status("COMPLETED")], vec![done()], "completed: {\"score\":7}"),
            ("stale first", vec![stale, status("COMPLETED")], vec![done()], "completed: {\"score\":7}"),
            ("broken off", vec![status("WORKING")], vec![done()], "completed: {\"score\":7}"),
            ("a message", vec![message], vec![], "completed: 1"),
        ] {
            let mut texts = vec![events(&first)];
            texts.extend(more.iter().map(|one| answer(protocol, 1, one)));
            let requests = texts.len();
            let agent = agent(texts, Then::Next).await;
            let said =
                tell(&interface(protocol, A2aAnswers::Streaming, agent.port), &telling(json!("2024"))).await;
            assert!(said.starts_with(expected), "{name} ({protocol:?}): {said}");
            assert_eq!(agent.requests(), requests, "{name} ({protocol:?})");
        }
    }
}

#[tokio::test]
async fn an_answer_whose_reply_was_lost_is_looked_for_by_the_tasks_id() {
    for protocol in BOTH {
        let lost = http("500 Oops", "content-type: text/html\r\n", "<h1>").into_bytes();
        let agent = agent(vec![lost, answer(protocol, 1, &done())], Then::Next).await;
        let at = interface(protocol, A2aAnswers::Blocking, agent.port);
        assert_eq!(tell(&at, &telling(json!("2024"))).await, "completed: {\"score\":7}");
        let heard = agent.heard();
        assert_eq!(heard.iter().filter(|one| one.contains("taskId")).count(), 1, "it is told once");
        assert!(heard[1].contains("t-1"), "{}", heard[1]);
    }
}
