//! How a server dies: at a random moment, or at a point that it was told at its start.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use concordat::demo::agents::SampleAgent;
use concordat_engine::failpoint;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::now;
use crate::house::{House, Setup, Started};

/// How long a server may live on without coming by its point.
const PATIENCE: Duration = Duration::from_secs(4);
/// The signal by which a process ends itself.
const ABORTED: i32 = 6;

/// Who died where.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    at: BTreeMap<&'static str, u32>,
    random: u32,
}

/// What is left after the last death.
pub(super) struct Lives {
    /// The server that lives on.
    pub(super) last: House,
    /// How long each agent's ledger was at each death.
    pub(super) called: Vec<BTreeMap<&'static str, u64>>,
    /// The slowest start to the first answer.
    pub(super) slowest: Duration,
}

impl Deaths {
    pub(super) fn at(&self, point: &str) -> u32 {
        self.at.get(point).copied().unwrap_or(0)
    }

    pub(super) fn at_random(&self) -> u32 {
        self.random
    }

    /// Kills and starts the server as often as asked: by turns at a random moment and at a point.
    pub(super) async fn kill(
        &mut self,
        mut house: House,
        setup: &Setup,
        kills: u32,
        seed: u64,
        agents: &[SampleAgent],
    ) -> anyhow::Result<Lives> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut called, mut slowest) = (Vec::new(), Duration::ZERO);
        let mut armed: Option<&'static str> = None;
        for kill in 0..kills {
            match armed {
                Some(point) => self.await_death(house, point).await?,
                None => self.at_any_time(house, Duration::from_millis(rng.random_range(20..300))).await?,
            }
            called.push(lengths(agents));
            armed = (kill % 2 == 0 && kill + 1 < kills).then(|| self.rarest());
            let mut order = armed.map(|point| format!("{point}={}", rng.random_range(1..60)));
            let began = now();
            house = loop {
                let (setup, points) = (setup.clone(), order.clone());
                let start = move || House::start_or_die(&setup, points.as_deref());
                match tokio::task::spawn_blocking(start).await?? {
                    Started::House(house) => break house,
                    // The point lay on the way to the first answer.
                    Started::Dead(status, _) => {
                        order = None;
                        let point = armed.take().with_context(|| format!("a start ended with {status}"))?;
                        ensure!(status.signal() == Some(ABORTED), "a start ended with {status}");
                        *self.at.entry(point).or_default() += 1;
                    }
                }
            };
            slowest = slowest.max(began.elapsed());
        }
        Ok(Lives { last: house, called, slowest })
    }

    /// The point at which the fewest have died.
    fn rarest(&self) -> &'static str {
        let rarest = failpoint::ALL.into_iter().min_by_key(|point| self.at(point));
        rarest.unwrap_or(failpoint::BEFORE_COMMIT)
    }

    async fn at_any_time(&mut self, house: House, after: Duration) -> anyhow::Result<()> {
        tokio::time::sleep(after).await;
        self.random += 1;
        house.kill()
    }

    /// Waits until the server has died at its point; one that does not come by is killed as it stands.
    async fn await_death(&mut self, mut house: House, point: &'static str) -> anyhow::Result<()> {
        let began = now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = house.ended()? {
                ensure!(status.signal() == Some(ABORTED), "the server ended by itself with {status}");
                *self.at.entry(point).or_default() += 1;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.random += 1;
        house.kill()
    }
}

fn lengths(agents: &[SampleAgent]) -> BTreeMap<&'static str, u64> {
    let length = |agent: &SampleAgent| u64::try_from(agent.ledger().len()).unwrap_or(u64::MAX);
    agents.iter().map(|agent| (agent.profile().name, length(agent))).collect()
}
