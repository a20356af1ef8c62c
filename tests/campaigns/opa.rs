//! What OPA's doors cost: decisions per second of processor time over HTTP with the log on disk, and whether a swap of
//! 500 rules under load is ever seen by halves.
//!
//! OPA 1.4.2 itself, with its log off, made 571 to 583 routing decisions a second of processor time on the machine of
//! whoever measured it: this shape of policy, ten candidates. Load and server share the machine; read decisions per
//! CPU-second. Ours, release build (`campaign opa --seconds 5 --swaps 10`, two cores), 3.1 times as many:
//!
//! | question | in flight | per CPU-second | p50 ms | p99 ms |
//! |---|---|---|---|---|
//! | routing, ten candidates | 1 | 1,002 | 1.2 | 2.2 |
//! | routing, ten candidates | 64 | 1,794 | 21 | 51 |
//! | `allow` of a small RBAC | 1 | 1,578 | 0.8 | 1.5 |
//! | `allow` of a small RBAC | 64 | 6,059 | 7.0 | 24 |
//!
//! Ten swaps of 500 rules: 464 answers of 11 revisions, none of two, none failed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::bench::clock::{millis, now};
use crate::house::{House, free_port};

const ROUTING: &str = include_str!("opa/routing.rego");
const RBAC: &str = include_str!("opa/rbac.rego");

#[derive(Args)]
pub(crate) struct Options {
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many are in flight at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64])]
    in_flight: Vec<usize>,
    /// How often 500 rules are replaced under load.
    #[arg(long, default_value_t = 20)]
    swaps: u32,
    /// The folder for the database; it should not be in memory.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

/// How the server is asked.
#[derive(Clone)]
struct Caller {
    client: reqwest::Client,
    url: String,
    key: String,
}

impl Caller {
    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = self.client.request(method, format!("{}/opa{path}", self.url));
        let response = request.bearer_auth(&self.key).body(body).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.into()))
    }

    async fn ask(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.send(reqwest::Method::POST, path, body.to_string().into()).await?;
        ensure!(status == 200, "{path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn put(&self, path: &str, body: String) -> anyhow::Result<()> {
        let (status, answer) = self.send(reqwest::Method::PUT, path, body.into()).await?;
        ensure!(status == 200 || status == 204, "{path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(())
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("campaign {}", arguments.join(" "));
    let place = tempfile::tempdir_in(&options.folder)?;
    let mut house = House::start(free_port()?, place.path())?;
    let key = house.key.clone().context("the server made no first key")?;
    let caller = Caller { client: reqwest::Client::new(), url: house.url.clone(), key };
    caller.put("/v1/policies", json!({"modules": {"routing": ROUTING, "rbac": RBAC}}).to_string()).await?;
    caller.put("/v1/data", data().to_string()).await?;
    println!("\n| question | in flight | decisions | decisions/s | per CPU-second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|---|");
    for (path, input) in [("/v1/data/routing/decision", routing()), ("/v1/data/rbac/allow", rbac())] {
        for in_flight in &options.in_flight {
            load(&house, &caller, path, &input, *in_flight, Duration::from_secs(options.seconds)).await?;
        }
    }
    swap(&caller, options.swaps).await?;
    ensure!(house.ended()?.is_none(), "the server has ended");
    house.stop()
}

fn data() -> Value {
    let users: BTreeMap<String, Value> =
        (0..100).map(|nth| (format!("user-{nth}"), json!([format!("role-{}", nth % 10)]))).collect();
    let grant = |nth: u32| json!({"action": "read", "type": format!("thing-{nth}")});
    let grants: BTreeMap<String, Vec<Value>> = (0..10)
        .map(|role| (format!("role-{role}"), (0..10).map(|nth| grant(role * 10 + nth)).collect()))
        .collect();
    json!({
        "routing_tiers": {"low": 2000, "medium": 5000, "high": 8000},
        "rbac_users": users,
        "rbac_grants": grants,
    })
}

fn routing() -> Value {
    let candidate = |nth: u32| {
        let region = if nth.is_multiple_of(4) { "us" } else { "eu" };
        json!({
            "id": format!("agent-{nth}"), "domains": ["finance", "generic"],
            "skills": ["check_credit", "assess_risk"], "health": if nth == 3 { "down" } else { "healthy" },
            "trust": 4000 + nth * 400, "tags": ["gdpr", "sox"], "region": region,
            "price": nth * 10, "calls": nth, "limit": 9,
        })
    };
    json!({"input": {
        "step": {
            "skill": "assess_risk", "domain": "finance", "risk": "medium", "tags": ["gdpr"], "regions": ["eu"],
            "budget": 80,
        },
        "candidates": (0..10).map(candidate).collect::<Vec<_>>(),
    }})
}

fn rbac() -> Value {
    json!({"input": {"user": "user-42", "action": "read", "type": "thing-27"}})
}

/// Asks the same again and again, so many at a time; every question is numbered, so that none is like another.
async fn load(
    house: &House,
    caller: &Caller,
    path: &'static str,
    input: &Value,
    in_flight: usize,
    time: Duration,
) -> anyhow::Result<()> {
    let (before, began) = (house.cpu_ms()?, now());
    let taken: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let askers: Vec<_> = (0..in_flight)
        .map(|asker| {
            let (caller, mut body, taken) = (caller.clone(), input.clone(), taken.clone());
            tokio::spawn(async move {
                let mut own = Vec::new();
                while began.elapsed() < time {
                    if let Some(input) = body.get_mut("input").and_then(Value::as_object_mut) {
                        input.insert("nth".to_owned(), json!([asker, own.len()]));
                    }
                    let sent = now();
                    let answer = caller.ask(path, &body).await?;
                    own.push(sent.elapsed());
                    ensure!(answer.get("result").is_some(), "an answer without a result: {answer}");
                }
                taken.lock().append(&mut own);
                anyhow::Ok(())
            })
        })
        .collect();
    for asker in askers {
        asker.await??;
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), (house.cpu_ms()? - before) / 1000.0);
    let mut taken = std::mem::take(&mut *taken.lock());
    taken.sort_unstable();
    let at = |share: usize| taken.get(taken.len() * share / 100).map_or(0.0, |took| millis(*took));
    #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
    let count = taken.len() as f64;
    println!(
        "| {path} | {in_flight} | {count} | {:.0} | {:.0} | {:.2} | {:.2} |",
        count / seconds,
        count / cpu,
        at(50),
        at(99)
    );
    Ok(())
}

/// 500 rules in 50 modules, each of which says of which generation it is.
fn generation(number: u32) -> String {
    let rules = |module: u32| (0..10).map(|nth| format!("r{module}_{nth} := {number}\n")).collect::<String>();
    let modules: BTreeMap<String, String> =
        (0..50).map(|module| (format!("m{module}"), format!("package all\n\n{}", rules(module)))).collect();
    json!({ "modules": modules }).to_string()
}

async fn swap(caller: &Caller, swaps: u32) -> anyhow::Result<()> {
    caller.put("/v1/policies", generation(0)).await?;
    let over = tokio::sync::watch::Sender::new(false);
    let seen: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let askers: Vec<_> = (0..16)
        .map(|_| {
            let (caller, over, seen) = (caller.clone(), over.subscribe(), seen.clone());
            tokio::spawn(async move {
                let mut count = 0_u64;
                while !*over.borrow() {
                    let answer = caller.ask("/v1/data/all?provenance", &json!({"input": {}})).await?;
                    let (revision, generation) = one_generation(&answer)?;
                    let known = *seen.lock().entry(revision).or_insert(generation);
                    ensure!(known == generation, "one revision has answered as {known} and as {generation}");
                    count += 1;
                }
                anyhow::Ok(count)
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for number in 1..=swaps {
        let sent = now();
        caller.put("/v1/policies", generation(number)).await?;
        slowest = slowest.max(sent.elapsed());
    }
    over.send_replace(true);
    let mut answers = 0;
    for asker in askers {
        answers += asker.await??;
    }
    println!(
        "\n{swaps} swaps of 500 rules under load: {answers} answers of {} revisions, none of two, none failed; the slowest swap took {:.0} ms",
        seen.lock().len(),
        millis(slowest)
    );
    Ok(())
}

/// The revision that answered, and the one generation that all of its rules are of.
fn one_generation(answer: &Value) -> anyhow::Result<(String, u64)> {
    let rules = answer.get("result").and_then(Value::as_object).context("an answer without rules")?;
    ensure!(rules.len() == 500, "{} rules have answered", rules.len());
    let mut generations = rules.values().filter_map(Value::as_u64);
    let first = generations.next().context("a rule that is no number")?;
    ensure!(generations.all(|other| other == first), "rules of two revisions have answered together");
    let revision = answer.pointer("/provenance/bundles/concordat/revision").and_then(Value::as_str);
    Ok((revision.context("an answer without a revision")?.to_owned(), first))
}
