//! The floor: a program that only makes the HTTP calls of a contract. No policy, no log, nothing on disk, no limits:
//! what is left is what HTTP costs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Args)]
pub(crate) struct Options {
    /// Where the agent is called.
    #[arg(long)]
    agent: String,
}

struct Floor {
    http: reqwest::Client,
    agent: String,
}

/// Serves until the process is ended, and says on standard output where.
pub(crate) async fn serve(options: Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", json!({ "url": format!("http://{}", listener.local_addr()?) }));
    let http = reqwest::Client::builder().no_proxy().build()?;
    let floor = Floor { http, agent: format!("{}/execute", options.agent) };
    let router = Router::new().route("/v1/contracts", post(take)).with_state(Arc::new(floor));
    axum::serve(listener, router).await?;
    Ok(())
}

/// Takes a contract in. A contract of ten steps is 1 → 8 → 1; no other number is asked for but one.
async fn take(State(floor): State<Arc<Floor>>, Json(submission): Json<Value>) -> (StatusCode, Json<Value>) {
    let text = |path: &str| submission.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let steps = submission.pointer("/contracts/0/contract/spec/steps").and_then(Value::as_array);
    let (steps, name) = (steps.map_or(0, Vec::len), text("/contracts/0/input/name").unwrap_or_default());
    tokio::spawn(carry_out(floor, steps, name));
    (StatusCode::ACCEPTED, Json(json!({"submission": "sub_floor", "contracts": []})))
}

async fn carry_out(floor: Arc<Floor>, steps: usize, name: String) {
    floor.call(&name).await;
    if steps > 1 {
        let parts: Vec<_> = (0..8)
            .map(|_| {
                let (floor, name) = (floor.clone(), name.clone());
                tokio::spawn(async move { floor.call(&name).await })
            })
            .collect();
        for part in parts {
            // A call that fails leaves the contract open, which the load notices.
            let _ = part.await;
        }
        floor.call(&name).await;
    }
}

impl Floor {
    async fn call(&self, name: &str) {
        let params = json!({"name": name, "of": 1});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "execute", "params": params});
        if let Ok(answer) = self.http.post(&self.agent).json(&body).send().await {
            let _ = answer.json::<Value>().await;
        }
    }
}
