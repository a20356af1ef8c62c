//! Kills a server under load, starts it again, and looks whether anything was lost or doubled.
//!
//! Every other death is at a random moment; the others are at the nine points around every commit
//! ([`concordat_engine::failpoint`]), each in its turn. Agents, clients and the people who answer reviews live in
//! this process, where no kill reaches them. At the end everything is let come to rest, and their witness is
//! compared with the log ([`concordat_tests::history`]).
//!
//! `crash --kills 500 --store both --seed 7`, debug build, two shared and busy cores:
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | kills, while an agent worked | 250, 217 | 250, 223 |
//! | acknowledged, lost, doubled | 2,437, 0, 0 | 2,303, 0, 0 |
//! | records, all of them keeping every rule | 71,022 | 68,187 |
//! | calls, attempts in flight at a kill | 8,388, 1,871 | 8,213, 1,741 |
//! | slowest start to the first answer | 1.7 s | 1.9 s |
//!
//! Each of the nine points was met 27 or 28 times, 253 deaths were at random moments.

mod contracts;
mod deaths;
mod load;
mod people;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use concordat::client::Client;
use concordat::demo::agents::{Manner, Mood, SampleAgent, fleet, serve};
use concordat_engine::failpoint;
use concordat_ledger::{Signer, Verifier};
use concordat_model::run::event::Reply;
use concordat_server::api::keys::{NewKey, Role};
use concordat_store::{Database, Signing};
use concordat_tests::history::{self, History, check, export};
use tokio::net::TcpListener;

use crate::house::{House, Setup, free_port};
use deaths::Deaths;
pub(crate) use load::{Told, finish};

#[derive(Args)]
pub(crate) struct Options {
    /// How often the server is killed, over all stores.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many callers submit at the same time.
    #[arg(long, default_value_t = 4)]
    callers: u32,
    /// Where the server keeps its log.
    #[arg(long, value_enum, default_value_t = Kept::Both)]
    store: Kept,
    /// Suspend and restore an agent all the time.
    #[arg(long)]
    suspend: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// A file of SQLite.
    Sqlite,
    /// A fresh PostgreSQL.
    Postgres,
    /// One after the other, half of the kills each.
    Both,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { kills, seed, callers, store, .. } = options;
    println!("campaign crash --kills {kills} --seed {seed} --callers {callers} --store {store:?}");
    let stores: &[Kept] = match store {
        Kept::Both => &[Kept::Sqlite, Kept::Postgres],
        one => &[*one],
    };
    let mut deaths = Deaths::default();
    let mut all = Figures::default();
    for (nth, store) in (0u32..).zip(stores) {
        let parts = u32::try_from(stores.len()).unwrap_or(1);
        let kills = kills / parts + u32::from(nth < kills % parts);
        let figures = round(options, *store, kills, &mut deaths).await?;
        println!("{store:?}: {figures}");
        all.add(&figures);
    }
    for point in failpoint::ALL {
        println!("  {:>4} deaths at {point}", deaths.at(point));
    }
    println!("  {:>4} deaths at random moments", deaths.at_random());
    let kills = usize::try_from(*kills).unwrap_or(usize::MAX);
    ensure!(all.in_flight * 10 >= kills, "too few kills met work at an agent: this proves nothing");
    ensure!(all.acknowledged >= 2 * kills, "too little was acknowledged: this proves nothing");
    let unmet = failpoint::ALL.into_iter().filter(|point| deaths.at(point) == 0).collect::<Vec<_>>();
    ensure!(unmet.is_empty(), "nobody died at {}: this proves nothing", unmet.join(", "));
    println!("nothing lost, nothing doubled, everything at its end");
    Ok(())
}

/// What a round found.
#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    acknowledged: usize,
    records: usize,
    calls: usize,
    /// Attempts that were with an agent, or on their way, when the server died.
    interrupted: usize,
    /// Kills while an agent had been asked and the log had no outcome.
    in_flight: usize,
    slowest: Duration,
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.kills += other.kills;
        self.acknowledged += other.acknowledged;
        self.in_flight += other.in_flight;
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures { kills, acknowledged, records, calls, interrupted, in_flight, slowest } = self;
        write!(
            f,
            "{kills} kills, {in_flight} of them while an agent worked; {acknowledged} acknowledged, 0 lost, 0 doubled; \
             {records} records keep every rule; {calls} calls reached agents, {interrupted} attempts were in flight \
             at a kill; slowest start to the first answer {} ms",
            slowest.as_millis()
        )
    }
}

/// One store's share of the kills, from an empty house to a checked history.
async fn round(options: &Options, store: Kept, kills: u32, deaths: &mut Deaths) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let database = match store {
        Kept::Postgres => concordat_tests_postgres::shared()?.database()?,
        Kept::Sqlite | Kept::Both => folder.path().join("concordat.db").display().to_string(),
    };
    let setup = Setup { database: Some(database.clone()), ..Setup::new(free_port()?, folder.path()) };
    let house = House::start_in(&setup, None)?;
    let admin_key = house.key.clone().context("a new house gives its first key")?;
    let admin = Client::new(&house.url, Some(&admin_key))?;
    let agents = employ(&admin).await?;
    let submitter = key(&admin, "load", Role::Submitter).await?;
    let reviewer = key(&admin, "people", Role::Reviewer).await?;

    let (over, rested) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let people = tokio::spawn(people::answer(Client::new(&house.url, Some(&reviewer))?, rested.clone()));
    let registrar = options.suspend.then(|| tokio::spawn(people::suspend(admin.clone(), over.clone())));
    let clients =
        load::Clients { submitter: Client::new(&house.url, Some(&submitter))?, auditor: admin.clone() };
    let callers: Vec<_> = (0..options.callers)
        .map(|caller| tokio::spawn(load::call(clients.clone(), caller, options.seed, over.clone())))
        .collect();
    let lives = deaths.kill(house, &setup, kills, options.seed, &agents).await?;
    over.store(true, Ordering::Relaxed);
    if let Some(registrar) = registrar {
        registrar.await?;
    }
    let mut told = Told::default();
    for caller in callers {
        told.add(caller.await??);
    }
    finish(&clients.submitter, &told.receipts).await?;
    rested.store(true, Ordering::Relaxed);
    people.await?;
    lives.last.stop()?;

    let history =
        witness(folder.path(), &database, told, &agents, vec![admin_key, submitter, reviewer]).await?;
    let violations = check(&history);
    for violation in violations.iter().take(50) {
        println!("  {violation}");
    }
    ensure!(
        violations.is_empty(),
        "{} violations: the log, the receipts and the agents do not agree",
        violations.len()
    );
    Ok(figures(&history, kills, &lives.called, lives.slowest))
}

/// Starts the sample agents in this process, where no kill reaches them, some of them in a mood, and registers them.
async fn employ(admin: &Client) -> anyhow::Result<Vec<SampleAgent>> {
    let mut agents = Vec::new();
    for agent in fleet() {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        admin.register(serde_json::to_vec(&agent.registration(&url))?, "application/json").await?;
        match agent.profile().name {
            "risk-desk" => agent.set_mood(Mood::sometimes(Manner::Crash, 5, 3)),
            "loan-office" => agent.set_mood(Mood::sometimes(Manner::Fail, 5, 4)),
            _ => {}
        }
        tokio::spawn(serve(agent.clone(), listener, std::future::pending()));
        agents.push(agent);
    }
    Ok(agents)
}

async fn key(admin: &Client, name: &str, role: Role) -> anyhow::Result<String> {
    let key = NewKey { name: name.to_owned(), tenant: "default".to_owned(), roles: vec![role] };
    Ok(admin.create_key(&key).await?.key)
}

/// Hears all three witnesses, once the house is closed.
pub(crate) async fn witness(
    data: &Path,
    database: &str,
    told: Told,
    agents: &[SampleAgent],
    secrets: Vec<String>,
) -> anyhow::Result<History> {
    let key: Verifier = std::fs::read_to_string(data.join("log.vkey"))?.trim().parse()?;
    let database: Database = database.parse()?;
    concordat_store::verify::database(&database, vec![key.clone()], None)
        .await
        .context("the log does not verify")?;
    let signer = Signer::from_seed("concordat/campaign", &[0; 32])?;
    let store = database.open(Signing { earlier: vec![key.clone()], ..Signing::by(signer) }).await?;
    // Every tenth decision is made again: all of them would take longer than the kills.
    let mut log = export(&*store, key, 10).await?;
    store.close().await;
    log.checkpoints.extend(told.checkpoints);
    let calls = agents.iter().flat_map(SampleAgent::ledger).collect();
    Ok(History { log, calls, receipts: told.receipts, secrets })
}

/// `called` says how long each agent's ledger was at each death.
fn figures(
    history: &History,
    kills: u32,
    called: &[BTreeMap<&'static str, u64>],
    slowest: Duration,
) -> Figures {
    let interrupted = history::outcomes(history, |reply| *reply == Reply::Interrupted);
    let mut met = vec![false; called.len()];
    for call in history.calls.iter().filter(|call| interrupted.contains(&call.decision_id)) {
        let life =
            called.iter().position(|lengths| lengths.get(call.agent).is_some_and(|length| call.n < *length));
        if let Some(met) = life.and_then(|life| met.get_mut(life)) {
            *met = true;
        }
    }
    Figures {
        kills: usize::try_from(kills).unwrap_or(usize::MAX),
        acknowledged: history.receipts.len(),
        records: history.log.records.len(),
        calls: history.calls.len(),
        interrupted: interrupted.len(),
        in_flight: met.into_iter().filter(|met| *met).count(),
        slowest,
    }
}

#[expect(clippy::disallowed_methods, reason = "a campaign measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
