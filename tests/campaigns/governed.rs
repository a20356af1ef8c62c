//! What a governed contract of ten steps (1 → 8 → 1) costs: one HTTP call and two Rego decisions a step, every
//! decision and result in the log and on disk. The server runs in a process of its own, so that its processor time
//! is its own; agent and load share the machine with it.
//!
//! The aim: at most 5 CPU-ms of Concordat a contract, and at least 300 contracts/s with 64 in flight on two cores.
//!
//! Measured on two shared cores with Rust 1.95, release build, three runs of the default of 3,000 contracts:
//!
//! | | in a row |
//! |---|---|
//! | CPU-ms of Concordat a contract | 4.8, 5.2, 5.7 |
//! | contracts/s, 64 in flight | 337, 309, 282 |
//! | p50 / p99 of a contract, 64 in flight | 188 / 280, 204 / 326, 222 / 356 ms |
//! | one in flight (`--in-flight 1`) | 5.5 CPU-ms, p50 5.3 ms, p99 12.6 ms |
//! | peak memory | 55 MiB |
//! | database | 84 KiB a contract, most of it the inputs of its 22 decisions |
//!
//! Later runs gave 4.5 to 5.9 CPU-ms and 263 to 361 contracts/s: the aim is met in about half of them. Of the time about a fifth is
//! Rego, a fifth SQLite.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use concordat::client::Client;
use concordat_server::api::keys::{NewKey, Role};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::house::{House, free_port};

#[derive(Args)]
pub(crate) struct Options {
    /// How many contracts are carried out.
    #[arg(long, default_value_t = 3000)]
    contracts: u32,
    /// How many are in flight at a time.
    #[arg(long, default_value_t = 64)]
    in_flight: u32,
}

/// Told when the last step of a run, by its request's key, was answered.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    println!("campaign governed --contracts {} --in-flight {}", options.contracts, options.in_flight);
    let folder = tempfile::tempdir()?;
    let house = House::start(free_port()?, folder.path())?;
    let admin = Client::new(&house.url, house.key.as_deref())?;
    let waiting = Waiting::default();
    employ(&admin, waiting.clone()).await?;
    let key = NewKey { name: "load".to_owned(), tenant: "default".to_owned(), roles: vec![Role::Submitter] };
    let client = Client::new(&house.url, Some(&admin.create_key(&key).await?.key))?;

    // Connections, caches and the first trust are not what is measured.
    load(&client, &waiting, "warm", options.in_flight * 2, options.in_flight).await?;
    let (cpu, began) = (house.cpu_ms()?, now());
    let mut latencies = load(&client, &waiting, "run", options.contracts, options.in_flight).await?;
    let (cpu, seconds) = (house.cpu_ms()? - cpu, began.elapsed().as_secs_f64());

    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or_default();
    let count = f64::from(options.contracts);
    println!("{:.2} CPU-ms of Concordat a contract", cpu / count);
    println!("{:.0} contracts/s, {:.1} s in all", count / seconds, seconds);
    println!("a contract took {:.1} ms (p50), {:.1} ms (p99)", millis(at(50)), millis(at(99)));
    println!("peak memory {:.0} MiB", house.peak_mib()?);
    let bytes = std::fs::metadata(folder.path().join("concordat.db"))?.len();
    println!(
        "{:.1} KiB of database a contract",
        bytes as f64 / 1024.0 / (count + f64::from(options.in_flight * 2))
    );
    house.stop()
}

/// An agent that answers at once, registered with the skill `build`.
async fn employ(admin: &Client, waiting: Waiting) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let registration = json!({
        "name": "builder", "owner": "bench.example", "domains": ["software"],
        "binding": {"type": "execute", "url": format!("http://{}", listener.local_addr()?)},
        "skills": [{"name": "build", "output": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}],
        "limits": {"concurrency": 10_000},
    });
    admin.register(serde_json::to_vec(&registration)?, "application/json").await?;
    let router = Router::new().route("/execute", post(execute)).with_state(waiting);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn execute(State(waiting): State<Waiting>, headers: HeaderMap, Json(call): Json<Value>) -> Json<Value> {
    if headers.get("concordat-step").is_some_and(|step| step == "last")
        && let Some(name) = call.pointer("/params/name").and_then(Value::as_str)
    {
        let done = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        // The caller may have given up.
        let _ = done.map(|done| done.send(()));
    }
    Json(json!({"jsonrpc": "2.0", "id": call.get("id"), "result": {"n": 1}}))
}

/// Carries out so many contracts, with so many in flight; gives how long each took from request to last step.
async fn load(
    client: &Client,
    waiting: &Waiting,
    name: &str,
    contracts: u32,
    in_flight: u32,
) -> anyhow::Result<Vec<Duration>> {
    let next = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (client, waiting, next, name) =
                (client.clone(), waiting.clone(), next.clone(), name.to_owned());
            tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let nth = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if nth >= contracts {
                        return anyhow::Ok(took);
                    }
                    took.push(carry_out(&client, &waiting, &format!("{name}-{nth}")).await?);
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    ensure!(all.len() == contracts as usize, "not every contract was carried out");
    Ok(all)
}

async fn carry_out(client: &Client, waiting: &Waiting, name: &str) -> anyhow::Result<Duration> {
    let (done, over) = oneshot::channel();
    waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), done);
    let body = serde_json::to_vec(&submission(name))?;
    let began = now();
    client.submit(body, "application/json", name).await?;
    tokio::time::timeout(Duration::from_secs(60), over)
        .await
        .context("a contract does not come to its end")??;
    Ok(began.elapsed())
}

/// One step, eight side by side, one that joins them.
fn submission(name: &str) -> Value {
    let step = |id: &str, needs: Vec<String>, of: &str| json!({"id": id, "skill": "build", "needs": needs, "with": {"name": "${input.name}", "of": of}});
    let middle =
        (1..=8).map(|nth| step(&format!("part-{nth}"), vec!["first".to_owned()], "${steps.first.output.n}"));
    let parts = (1..=8).map(|nth| format!("part-{nth}")).collect();
    let steps: Vec<Value> = std::iter::once(step("first", Vec::new(), "${input.name}"))
        .chain(middle)
        .chain([step("last", parts, "${steps.part-8.output.n}")])
        .collect();
    let contract = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "governed"},
        "spec": {
            "objective": "Build and test a software feature from its source code",
            "requirements": ["Compile the source code", "Run the unit tests"],
            "domain": "software", "governance": {"risk": "low", "reversible": true}, "steps": steps,
        },
    });
    json!({
        "apiVersion": "concordat/v1", "kind": "Submission",
        "contracts": [{"contract": contract, "input": {"name": name}}],
    })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
