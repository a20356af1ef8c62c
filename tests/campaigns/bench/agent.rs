//! The agent that all systems call: it answers at once, and tells when a contract had its last call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// An agent in this process.
#[derive(Clone)]
pub(super) struct Agent {
    /// Where it is called.
    pub(super) url: String,
    waiting: Waiting,
}

/// By the name in a contract's input: how many calls are to come, and who is told after the last.
type Waiting = Arc<Mutex<HashMap<String, (u32, oneshot::Sender<()>)>>>;

impl Agent {
    /// Starts it.
    pub(super) async fn start() -> anyhow::Result<Agent> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let agent = Agent { url: format!("http://{}", listener.local_addr()?), waiting: Waiting::default() };
        let router = Router::new().route("/execute", post(execute)).with_state(agent.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(agent)
    }

    /// How it is registered, with the skill `build`.
    pub(super) fn registration(&self) -> Value {
        let output = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        json!({
            "name": "builder", "owner": "bench.example", "domains": ["software"],
            "binding": {"type": "execute", "url": self.url},
            "skills": [{"name": "build", "output": output}],
            "limits": {"concurrency": 10_000},
        })
    }

    /// Comes when the contract of this name had so many calls.
    pub(super) fn after(&self, name: &str, calls: u32) -> oneshot::Receiver<()> {
        let (done, over) = oneshot::channel();
        self.waiting().insert(name.to_owned(), (calls, done));
        over
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, (u32, oneshot::Sender<()>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self, name: &str) {
        let mut waiting = self.waiting();
        let Some((left, _)) = waiting.get_mut(name) else { return };
        *left -= 1;
        if *left == 0
            && let Some((_, done)) = waiting.remove(name)
        {
            // The caller may have given up.
            let _ = done.send(());
        }
    }
}

async fn execute(State(agent): State<Agent>, Json(call): Json<Value>) -> Json<Value> {
    if let Some(name) = call.pointer("/params/name").and_then(Value::as_str) {
        agent.called(name);
    }
    Json(json!({"jsonrpc": "2.0", "id": call.get("id"), "result": {"n": 1}}))
}
