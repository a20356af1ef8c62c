//! Agents that call us: what a call brings forward, and that it decides nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::Hints;
use super::*;

/// Has an order carried out by an agent that calls before it is asked, and again while it is asked: the second question
/// finds the task done. How it ended, and how often the agent was asked.
async fn called(protocol: A2aProtocol) -> (String, usize) {
    let hints = Arc::new(Hints::at("https://concordat.example"));
    let push = hints.invite();
    let token = push.as_ref().unwrap().config()["token"].as_str().unwrap().to_owned();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, calls, known) = (asked.clone(), hints.clone(), token.clone());
    let answers = move |_: &str| {
        if count.fetch_add(1, Ordering::SeqCst) > 0 {
            return task("COMPLETED");
        }
        assert!(calls.take(&known) && calls.take(&known), "the attempt lasts");
        task("WORKING")
    };
    let dialogue = Dialogue::begin(protocol, json!({"task": task("WORKING")}), answers).await;
    let at = interface(protocol, A2aAnswers::Pushing, dialogue.port);
    assert!(hints.take(&token) && !hints.take("forged"));
    let order = Order { push, ..order(LONG) };
    let client = client(Limits::default());
    let arrival = outcome::arrival(&client, &at, &order, Out::default().withdrawal()).await;
    drop(order);
    assert!(!hints.take(&token), "the attempt is over");
    (show(arrival), asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn an_agent_that_calls_is_asked_at_once() {
    for protocol in BOTH {
        // Without the calls it would be asked after five seconds, and then after ten, which is too late.
        assert_eq!(called(protocol).await, ("completed: null".to_owned(), 2), "{protocol:?}");
    }
}

#[tokio::test]
async fn an_agent_is_told_where_to_call_only_when_it_can() {
    let hints = Hints::at("https://concordat.example");
    for (push, told) in [(hints.invite(), true), (Hints::default().invite(), false)] {
        let texts = vec![answer(A2aProtocol::JsonRpc, 0, &json!({"task": task("COMPLETED")}))];
        let agent = agent(texts, Then::Next).await;
        let at = interface(A2aProtocol::JsonRpc, A2aAnswers::Pushing, agent.port);
        let order = Order { push, ..order(LONG) };
        let client = client(Limits::default());
        let arrival = outcome::arrival(&client, &at, &order, Out::default().withdrawal()).await;
        assert_eq!(show(arrival), "completed: null");
        let said = agent.heard().concat();
        assert!(said.contains(r#""returnImmediately":true"#), "{said}");
        assert_eq!(said.contains("https://concordat.example/a2a/pushes"), told, "{said}");
    }
}
