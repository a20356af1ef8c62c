//! The client against agents that say whatever the table tells them to, byte for byte.

mod asks;
mod hostile;
mod lives;
mod pushes;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use concordat_engine::ports::{Arrival, Out};
use concordat_model::agent::{A2aAnswers, A2aProtocol, A2aVersion};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::{A2aClient, Interface, Order, Sought, outcome};
use crate::egress::{Egress, Endpoint};
use crate::execute::testing::{Agent, Then, read_request};
use crate::http::{Http, Limits};

pub(super) fn client(limits: Limits) -> A2aClient {
    A2aClient::over(Arc::new(Http::new(limits, Egress { allow_loopback: true, ..Egress::default() })))
}

pub(super) fn interface(protocol: A2aProtocol, answers: A2aAnswers, port: u16) -> Interface {
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}/a2a")).unwrap();
    Interface { endpoint, protocol, version: A2aVersion::V1, tenant: None, answers }
}

pub(super) fn order(deadline: Duration) -> Order {
    Order {
        skill: "check_credit".to_owned(),
        params: json!({"applicant_id": "ap-1"}),
        idempotency_key: "run_1/credit/do".to_owned(),
        context: "run_1/credit/do/1".to_owned(),
        decision: "dec_1".to_owned(),
        run: "run_1".to_owned(),
        step: "credit".to_owned(),
        attempt: 1,
        log_size: 7,
        traceparent: "00-1-2-01".to_owned(),
        deadline,
        answer: None,
        push: None,
    }
}

pub(super) fn show(arrival: Arrival) -> String {
    match arrival {
        Arrival::Completed(value) => format!("completed: {value}"),
        Arrival::Failed { kind, fault, code, message, .. } => {
            format!("failed: {kind:?} {fault:?} {code}: {message}")
        }
        Arrival::Unknown { message } => format!("unknown: {message}"),
        Arrival::Asked { question, task } => {
            format!("asked: {question} about {} of {}", task.id, task.context)
        }
    }
}

pub(super) fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

pub(super) const JSON: &str = "content-type: application/json\r\n";
pub(super) const EVENTS: &str = "content-type: text/event-stream\r\n";

/// The answer to the request with this number, in the form of the protocol.
pub(super) fn answer(protocol: A2aProtocol, nth: usize, result: &Value) -> Vec<u8> {
    http("200 OK", JSON, &wrapped(protocol, nth, result)).into_bytes()
}

pub(super) fn wrapped(protocol: A2aProtocol, nth: usize, result: &Value) -> String {
    match protocol {
        A2aProtocol::JsonRpc => json!({"jsonrpc": "2.0", "id": format!("dec_1/{nth}"), "result": result}),
        A2aProtocol::HttpJson => result.clone(),
    }
    .to_string()
}

pub(super) fn task(state: &str) -> Value {
    json!({"id": "t-1", "contextId": "run_1/credit/do/1", "status": {"state": format!("TASK_STATE_{state}")}})
}

pub(super) const LONG: Duration = Duration::from_secs(10);

/// The same with another value at this place.
pub(super) fn with(mut task: Value, place: &str, value: Value) -> Value {
    let (parent, member) = place.rsplit_once('/').unwrap();
    task.pointer_mut(parent).unwrap()[member] = value;
    task
}

pub(super) const BOTH: [A2aProtocol; 2] = [A2aProtocol::JsonRpc, A2aProtocol::HttpJson];

/// One order to an agent that says these texts; what the engine learns.
pub(super) async fn carried_out(interface: &Interface, limits: Limits, deadline: Duration) -> String {
    show(outcome::arrival(&client(limits), interface, &order(deadline), Out::default().withdrawal()).await)
}

pub(super) async fn agent(texts: Vec<Vec<u8>>, then: Then) -> Agent {
    Agent::saying(texts, then).await
}

/// An agent that answers each request by what was asked, on loopback, until it is dropped.
pub(super) struct Dialogue {
    pub(super) port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Dialogue {
    /// The first request is answered with `first`, the others by `answers`.
    pub(super) async fn begin(
        protocol: A2aProtocol,
        first: Value,
        answers: impl Fn(&str) -> Value + Send + 'static,
    ) -> Dialogue {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut nth = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                while let Some(request) = read_request(&mut stream).await {
                    let result = if nth == 0 { first.clone() } else { answers(&request) };
                    stream.write_all(&answer(protocol, nth, &result)).await.unwrap();
                    nth += 1;
                }
            }
        });
        Dialogue { port, task }
    }
}
