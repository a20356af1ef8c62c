//! Load: closed (so many in flight) and open (so many a second, whatever becomes of them).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use concordat::client::Client;
use concordat_server::api::contracts::ContractsQuery;

use super::agent::Agent;
use super::clock::now;
use super::shape::Shape;

/// How long a contract may take before something must be wrong with it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for contracts of many steps.
const MORE_PATIENCE: Duration = Duration::from_secs(600);

/// Who sends contracts, and the agent that tells how far they are.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) agent: Agent,
    /// Makes names that no other contract has.
    pub(super) nth: Arc<AtomicU64>,
}

/// What a load found.
pub(super) struct Found {
    pub(super) contracts: u32,
    pub(super) seconds: f64,
    /// Contracts that were refused or did not come to their last call: on a busy machine policy may run out of time.
    pub(super) missed: usize,
    /// In order.
    latencies: Vec<Duration>,
}

impl Found {
    pub(super) fn a_second(&self) -> f64 {
        f64::from(self.contracts) / self.seconds
    }

    /// The latency that this share of a thousand does not exceed.
    pub(super) fn at(&self, share: usize) -> Duration {
        let place = self.latencies.len() * share / 1000;
        self.latencies.get(place).or(self.latencies.last()).copied().unwrap_or_default()
    }

    fn new(seconds: f64, tries: Vec<Option<Duration>>) -> anyhow::Result<Found> {
        let sent = tries.len();
        let mut latencies: Vec<Duration> = tries.into_iter().flatten().collect();
        latencies.sort_unstable();
        ensure!(!latencies.is_empty(), "no contract was carried out");
        let (contracts, missed) = (u32::try_from(latencies.len())?, sent - latencies.len());
        Ok(Found { contracts, seconds, missed, latencies })
    }
}

impl Caller {
    /// Carries out contracts for so long, with so many in flight.
    pub(super) async fn closed(&self, shape: Shape, in_flight: u32, time: Duration) -> anyhow::Result<Found> {
        let began = now();
        let callers = (0..in_flight).map(|_| {
            let caller = self.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < time {
                    let sent = now();
                    took.push((caller.try_out(shape, sent).await, now()));
                }
                anyhow::Ok(took)
            })
        });
        let tries: Vec<_> = all(callers.collect()).await?.into_iter().flatten().collect();
        // The wait for one that does not come to its end is no time in which others were carried out.
        let last = tries.iter().filter(|(took, _)| took.is_some()).map(|(_, end)| *end).max();
        let seconds = last.unwrap_or(began).duration_since(began).as_secs_f64();
        Found::new(seconds, tries.into_iter().map(|(took, _)| took).collect())
    }

    /// Sends so many contracts a second for so long. Each is timed from the moment at which it was to be sent, so a
    /// system that keeps its callers waiting cannot hide it.
    pub(super) async fn open(&self, shape: Shape, a_second: f64, time: Duration) -> anyhow::Result<Found> {
        let began = now();
        let mut sent = Vec::new();
        for nth in 0_u32.. {
            let intended = began + Duration::from_secs_f64(f64::from(nth) / a_second);
            if intended.duration_since(began) >= time {
                break;
            }
            tokio::time::sleep_until(intended.into()).await;
            let caller = self.clone();
            sent.push(tokio::spawn(async move { anyhow::Ok(caller.try_out(shape, intended).await) }));
        }
        Found::new(time.as_secs_f64(), all(sent).await?)
    }

    /// Carries out a contract, if the system does.
    async fn try_out(&self, shape: Shape, since: Instant) -> Option<Duration> {
        let tried = tokio::time::timeout(PATIENCE, self.carry_out(shape, since)).await;
        tried.ok()?.inspect_err(|error| eprintln!("{error}")).ok()
    }

    /// Carries out a contract; gives how long after this moment its last call came.
    pub(super) async fn carry_out(&self, shape: Shape, since: Instant) -> anyhow::Result<Duration> {
        let name = self.name();
        let over = self.agent.after(&name, shape.calls());
        self.client.submit(serde_json::to_vec(&shape.submission(&name))?, "application/json", &name).await?;
        tokio::time::timeout(MORE_PATIENCE, over).await.context("a contract does not come to its end")??;
        Ok(since.elapsed())
    }

    /// Sends so many contracts in, and waits for nothing but their receipts.
    pub(super) async fn leave(&self, shape: Shape, contracts: u32) -> anyhow::Result<()> {
        let left = Arc::new(AtomicU64::new(u64::from(contracts)));
        let callers = (0..32).map(|_| {
            let (caller, left) = (self.clone(), left.clone());
            tokio::spawn(async move {
                let take = |left: u64| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let name = caller.name();
                    let body = serde_json::to_vec(&shape.submission(&name))?;
                    let receipt = caller.client.submit(body, "application/json", &name).await?.receipt;
                    ensure!(receipt.contracts.len() == 1, "the contract was not taken in");
                }
                anyhow::Ok(())
            })
        });
        all(callers.collect()).await?;
        Ok(())
    }

    /// How the contract that was sent last stands, and why if it stopped early.
    pub(super) async fn last_status(&self) -> anyhow::Result<String> {
        let query = ContractsQuery { limit: Some(1), cursor: None, status: None, submission: None };
        let list = self.client.contracts(&query).await?;
        let row = list.items.into_iter().next().context("there is no contract")?;
        let cause = self.client.contract(&row.run).await?.cause;
        Ok(cause.map_or(row.status.clone(), |cause| format!("{}: {}", row.status, cause.text)))
    }

    fn name(&self) -> String {
        format!("contract-{}", self.nth.fetch_add(1, Ordering::Relaxed))
    }
}

async fn all<T>(tasks: Vec<tokio::task::JoinHandle<anyhow::Result<T>>>) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await??);
    }
    Ok(all)
}
