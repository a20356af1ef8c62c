//! Kills a server at random moments under load, starts it again, and looks whether anything was lost or doubled.
//!
//! `campaign crash --kills 50 --seed 1`, release build, two shared cores: 96,272 records verify; 3,663 runs, all
//! acknowledged, none lost or doubled; 12,309 calls reached agents, 1,304 of them in flight when the server was
//! killed; the slowest start took 272 ms to its first answer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use concordat::client::{Client, ClientError};
use concordat::demo::agents::{SampleAgent, fleet, serve};
use concordat_server::api::keys::{NewKey, Role};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::check;
use crate::house::{House, free_port};

#[derive(Args)]
pub(crate) struct Options {
    /// How often the server is killed.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many callers submit at the same time.
    #[arg(long, default_value_t = 8)]
    callers: u32,
}

/// A contract that was acknowledged with a 2xx.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    /// The idempotency key of the request.
    pub(crate) key: String,
    /// The run.
    pub(crate) run: String,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    println!(
        "campaign crash --kills {} --seed {} --callers {}",
        options.kills, options.seed, options.callers
    );
    let folder = tempfile::tempdir()?;
    let listen = free_port()?;
    let house = House::start(listen, folder.path())?;
    let admin = Client::new(&house.url, house.key.as_deref())?;
    let agents = employ(&admin).await?;
    let key = NewKey { name: "load".to_owned(), tenant: "default".to_owned(), roles: vec![Role::Submitter] };
    let client = Client::new(&house.url, Some(&admin.create_key(&key).await?.key))?;

    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..options.callers)
        .map(|caller| tokio::spawn(call(client.clone(), caller, options.seed, over.clone())))
        .collect();
    let (house, slowest) = kill(house, listen, folder.path(), options).await?;
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(caller.await??);
    }
    finish(&client, &acknowledged).await?;
    house.stop()?;

    let ledgers = agents.iter().flat_map(concordat::demo::agents::SampleAgent::ledger).collect::<Vec<_>>();
    let found = check::all(folder.path(), &acknowledged, &ledgers).await?;
    println!("{found}");
    println!("slowest start to first answer: {} ms", slowest.as_millis());
    ensure!(found.faults.is_empty(), "the log, the receipts and the agents' ledgers do not agree");
    ensure!(
        found.interrupted * 5 >= options.kills as usize,
        "too few kills met work in flight: this proves nothing"
    );
    println!("nothing lost, nothing doubled, everything at its end");
    Ok(())
}

/// Starts the sample agents in this process, where no kill reaches them, and registers them.
async fn employ(admin: &Client) -> anyhow::Result<Vec<SampleAgent>> {
    let mut agents = Vec::new();
    for agent in fleet() {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        admin.register(serde_json::to_vec(&agent.registration(&url))?, "application/json").await?;
        tokio::spawn(serve(agent.clone(), listener, std::future::pending()));
        agents.push(agent);
    }
    Ok(agents)
}

/// Kills and starts the server as often as asked; gives the last one and the slowest start.
async fn kill(
    mut house: House,
    listen: SocketAddr,
    data: &Path,
    options: &Options,
) -> anyhow::Result<(House, Duration)> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut slowest = Duration::ZERO;
    for _ in 0..options.kills {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..300))).await;
        house.kill()?;
        let began = now();
        let data = data.to_owned();
        house = tokio::task::spawn_blocking(move || House::start(listen, &data)).await??;
        slowest = slowest.max(began.elapsed());
    }
    Ok((house, slowest))
}

/// Submits contracts until told to stop. A request that got no answer is sent again with the same key.
async fn call(
    client: Client,
    caller: u32,
    seed: u64,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Acknowledged>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(caller) << 32));
    let mut acknowledged = Vec::new();
    for nth in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("c{caller}-{nth}");
        let body = serde_json::to_vec(&submission(&key, rng.next_u32()))?;
        let receipt = loop {
            match client.submit(body.clone(), "application/json", &key).await {
                Ok(submitted) => break submitted.receipt,
                Err(error) if worth_another_try(&error) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error).context("a submission was refused"),
            }
        };
        let line = receipt.contracts.first().context("a receipt without a contract")?;
        acknowledged.push(Acknowledged { key, run: line.run.clone() });
    }
    Ok(acknowledged)
}

/// Whether the server may only have been gone for a moment.
fn worth_another_try(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.problem.status >= 500,
        _ => true,
    }
}

/// One of three shapes of low-risk work; the label is the request's key, so that a doubled run shows.
fn submission(key: &str, die: u32) -> Value {
    let applicant = format!("ap-{}", 1000 + die % 500);
    let credit = |id: &str| {
        json!({
            "id": id, "skill": "check_credit", "with": {"applicant_id": applicant},
            "retry": {"max": 20, "backoff": "1ms", "on": ["failed", "unavailable", "timeout", "malformed"]},
            "compensate": {"skill": "release_credit_check", "with": {"check_id": format!("${{steps.{id}.output.check_id}}")}},
        })
    };
    let risk = json!({
        "id": "risk", "skill": "assess_risk", "needs": ["a"],
        "with": {"application": "${input}", "credit": "${steps.a.output}"},
        "compensate": {"skill": "cancel_assessment", "with": {"assessment_id": "${steps.risk.output.id}"}},
    });
    let approve = json!({
        "id": "approve", "skill": "approve_loan", "needs": ["risk"],
        "with": {"application": "${input}", "risk": "${steps.risk.output}"},
        "compensate": {"skill": "cancel_loan", "with": {"loan_id": "${steps.approve.output.loan_id}"}},
    });
    let steps = match die % 3 {
        0 => vec![credit("a"), credit("b"), credit("c")],
        1 => vec![credit("a"), risk],
        _ => vec![credit("a"), risk, approve],
    };
    // Every other saga asks for more than anyone lends, so that it is undone.
    let amount = if die.is_multiple_of(2) { 3_000 } else { 90_000_000 };
    let contract = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "crash"},
        "spec": {
            "objective": "Check the credit of a loan applicant and assess the lending risk",
            "domain": "finance", "governance": {"risk": "low", "reversible": true},
            "onFailure": "compensate", "steps": steps,
        },
    });
    json!({
        "apiVersion": "concordat/v1", "kind": "Submission",
        "contracts": [{"name": key, "contract": contract, "input": {"applicant_id": applicant, "amount": amount}}],
    })
}

/// Waits until every acknowledged contract is over.
async fn finish(client: &Client, acknowledged: &[Acknowledged]) -> anyhow::Result<()> {
    let began = now();
    for one in acknowledged {
        loop {
            let detail = client.contract(&one.run).await.with_context(|| format!("{} is lost", one.run))?;
            if detail.row.ended.is_some() {
                break;
            }
            ensure!(
                began.elapsed() < Duration::from_secs(120),
                "{} does not come to its end: {}",
                one.run,
                detail.row.status
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a campaign measures real time")]
fn now() -> Instant {
    Instant::now()
}
