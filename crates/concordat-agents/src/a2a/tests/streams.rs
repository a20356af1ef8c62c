//! What streams tell, and what becomes of one that breaks off.

use super::*;

/// Events of a stream, as one reply.
fn stream(protocol: A2aProtocol, events: &[Value]) -> Vec<u8> {
    let events: String =
        events.iter().map(|event| format!("data: {}\r\n\r\n", wrapped(protocol, 0, event))).collect();
    http("200 OK", EVENTS, &format!(": ping\r\n\r\n{events}")).into_bytes()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn streams_tell_what_happens() {
    let status = |state: &str| json!({"statusUpdate": {"taskId": "t-1", "contextId": "c", "status": {"state": format!("TASK_STATE_{state}")}}});
    let piece = |text: &str, append: bool| {
        json!({"artifactUpdate": {
            "taskId": "t-1", "contextId": "c", "append": append, "artifact": {"artifactId": "a", "parts": [{"text": text}]},
        }})
    };
    let odd = "failed: Malformed Agent agent-malformed: the agent's reply is not A2A: the stream tells of something else";
    for (name, events, expected) in [
        (
            "in pieces",
            vec![
                json!({"task": task("SUBMITTED")}),
                status("WORKING"),
                piece("hel", false),
                piece("lo", true),
                status("COMPLETED"),
            ],
            "completed: {\"text\":\"hello\"}",
        ),
        (
            "replaced",
            vec![json!({"task": task("WORKING")}), piece("x", false), piece("y", false), status("COMPLETED")],
            "completed: {\"text\":\"y\"}",
        ),
        (
            "a message",
            vec![json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": 1}]}})],
            "completed: 1",
        ),
        (
            "failed",
            vec![json!({"task": task("WORKING")}), status("FAILED")],
            "failed: Failed Agent agent-error",
        ),
        ("two answers", vec![json!({"task": task("COMPLETED")}), status("FAILED")], "completed: null"),
        ("an event of no task", vec![status("COMPLETED")], odd),
        (
            "another task",
            vec![
                json!({"task": task("WORKING")}),
                json!({"task": with(task("COMPLETED"), "/id", json!("t-2"))}),
            ],
            odd,
        ),
        (
            "a task and then a message",
            vec![
                json!({"task": task("WORKING")}),
                json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": []}}),
            ],
            odd,
        ),
        (
            "nothing",
            vec![],
            "unknown: the connection to the agent broke: the stream ended before the work did",
        ),
    ] {
        for protocol in BOTH {
            // It goes on reading: what is asked next may come by the same connection.
            let agent = agent(vec![stream(protocol, &events)], Then::Next).await;
            let at = interface(protocol, A2aAnswers::Streaming, agent.port);
            let said = carried_out(&at, Limits::default(), LONG).await;
            assert!(said.starts_with(expected), "{name} ({protocol:?}): expected `{expected}`, but: {said}");
            // What became of a message is asked once where nobody said; a task that nonsense is told of is called off.
            let more = said.starts_with("unknown") || (expected == odd && events.len() > 1);
            assert_eq!(agent.requests(), 1 + usize::from(more), "{name}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_taken_up_by_asking() {
    for protocol in BOTH {
        let texts = vec![
            stream(protocol, &[json!({"task": task("WORKING")})]),
            answer(protocol, 1, &task("COMPLETED")),
        ];
        let agent = agent(texts, Then::Next).await;
        let at = interface(protocol, A2aAnswers::Streaming, agent.port);
        assert_eq!(carried_out(&at, Limits::default(), LONG).await, "completed: null");
    }
}

#[tokio::test]
async fn an_agent_without_streams_may_answer_at_once() {
    for protocol in BOTH {
        let agent = agent(vec![answer(protocol, 0, &json!({"task": task("COMPLETED")}))], Then::Next).await;
        let at = interface(protocol, A2aAnswers::Streaming, agent.port);
        assert_eq!(carried_out(&at, Limits::default(), LONG).await, "completed: null");
    }
}
