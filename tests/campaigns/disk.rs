//! Lets the disk fail at the n-th write or sync of the database, for n = 1, 2, … until nothing fails any more, and
//! looks what becomes of the server.
//!
//! The faults are made by `strace` between the server and the kernel, so that it is the program as it is shipped
//! that meets them. While the disk fails: no 2xx for what is not durable, every refusal a 503 that may be repeated,
//! reads go on and are right, and `/readyz` says why nothing is taken in. After a fresh start on a sound disk:
//! everything acknowledged is there, the same requests are answered alike, everything comes to its end, and the log
//! verifies.
//!
//! Debug build, two shared cores. `campaign disk --fault sync`: 34 places, 7 kept the server from starting, 27 made it
//! read-only. `--fault full --step 13`: 56 places, 6 and 48. `--fault write --from 3 --step 20`: 36 places, 4 and 32.
//! Nothing was lost, and nothing told that was not so.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use concordat::client::{Client, ClientError};
use concordat::demo::agents::{Manner, Mood, SampleAgent};

use concordat_tests::history::{Receipt, check};

use crate::crash::{Told, finish, now, witness};
use crate::house::{House, Setup, free_port};
use crate::loans::{insist, open, submission};

#[derive(Args)]
pub(crate) struct Options {
    /// What fails; all of them, one after the other, when nothing is said.
    #[arg(long)]
    fault: Option<Fault>,
    /// The first place where it fails.
    #[arg(long, default_value_t = 1)]
    from: u32,
    /// How far it is from one place to the next.
    #[arg(long, default_value_t = 1)]
    step: u32,
    /// How many contracts are submitted.
    #[arg(long, default_value_t = 3)]
    contracts: u32,
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// No space is left from the n-th write on.
    Full,
    /// The n-th write fails.
    Write,
    /// The n-th sync fails.
    Sync,
}

impl Fault {
    fn injected(self, nth: u32) -> String {
        match self {
            Fault::Full => format!("inject=pwrite64:error=ENOSPC:when={nth}+"),
            Fault::Write => format!("inject=pwrite64:error=EIO:when={nth}"),
            Fault::Sync => format!("inject=fsync,fdatasync:error=EIO:when={nth}"),
        }
    }
}

/// What was seen of one fault, at all its places.
#[derive(Debug, Default)]
struct Seen {
    places: u32,
    /// How often the server did not start.
    not_started: u32,
    /// How often it took nothing in any more.
    halted: u32,
    /// How often nobody has a key, because the first one was recorded and never told.
    locked_out: u32,
    refused: usize,
    acknowledged: usize,
}

impl Seen {
    fn add(&mut self, other: &Seen) {
        self.places += other.places;
        self.not_started += other.not_started;
        self.halted += other.halted;
        self.locked_out += other.locked_out;
        self.refused += other.refused;
        self.acknowledged += other.acknowledged;
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { places, not_started, halted, locked_out, refused, acknowledged } = self;
        write!(
            f,
            "{places} places; {not_started} kept the server from starting, {halted} made it read-only; {acknowledged} \
             contracts acknowledged before, {refused} requests refused; {locked_out} left nobody with a key"
        )
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { from, step, contracts, .. } = options;
    println!("campaign disk --from {from} --step {step} --contracts {contracts}");
    let faults = options.fault.map_or_else(|| Fault::value_variants().to_vec(), |fault| vec![fault]);
    for fault in faults {
        let mut seen = Seen::default();
        let mut nth = *from;
        while let Some(here) =
            one(fault, nth, *contracts).await.with_context(|| format!("{fault:?} at {nth}"))?
        {
            seen.add(&here);
            nth += (*step).max(1);
        }
        println!("{fault:?}: {seen}");
        ensure!(seen.halted > 0, "no fault met a server at work: this proves nothing");
    }
    println!("nothing lost, nothing told that was not so");
    Ok(())
}

/// A house whose disk fails at one place. Gives nothing when it never got so far.
async fn one(fault: Fault, nth: u32, contracts: u32) -> anyhow::Result<Option<Seen>> {
    let mut seen = Seen { places: 1, ..Seen::default() };
    let folder = tempfile::tempdir()?;
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    let agents = open().await?;
    // The disk fails here and nothing else: an undo that an agent fails too often would wait for a person.
    agents.iter().for_each(|(agent, _)| agent.set_mood(Mood::always(Manner::Work)));
    let mut work = Work::default();
    let mut key = None;
    let watched = Setup { watcher: strace(fault, nth, &data, &trace), ..Setup::new(free_port()?, &data) };
    match House::start_in(&watched, None) {
        Ok(house) => {
            key.clone_from(&house.key);
            work.on_a_failing_disk(&house, &agents, contracts, &mut seen).await?;
            // Both ends of a process leave the files as they are when it could not write.
            if nth.is_multiple_of(2) { house.stop()? } else { house.kill()? }
        }
        Err(error) => {
            let told = error.to_string();
            ensure!(
                told.contains("(`") && !told.contains("(``)"),
                "it does not say why it does not start: {told}"
            );
            seen.not_started += 1;
        }
    }
    if !std::fs::read_to_string(&trace)?.contains("(INJECTED)") {
        return Ok(None);
    }
    let house = House::start(free_port()?, &data).context("it does not start on a sound disk")?;
    let Some(key) = key.or_else(|| house.key.clone()) else {
        ensure!(work.acknowledged.is_empty(), "nobody has a key to an installation with contracts");
        seen.locked_out += 1;
        house.stop()?;
        return Ok(Some(seen));
    };
    let client = Client::new(&house.url, Some(&key))?;
    work.on_a_sound_disk(&client, &agents, contracts).await?;
    house.stop()?;
    let agents: Vec<SampleAgent> = agents.into_iter().map(|(agent, _)| agent).collect();
    let told = Told { receipts: work.acknowledged, ..Told::default() };
    let database = data.join("concordat.db").display().to_string();
    let history = witness(&data, &database, told, &agents, vec![key]).await?;
    if let Some(violation) = check(&history).first() {
        bail!("{violation}");
    }
    Ok(Some(seen))
}

/// The program that makes the faults. Only the database's own files fail.
fn strace(fault: Fault, nth: u32, data: &Path, trace: &Path) -> Vec<String> {
    let mut words: Vec<String> =
        ["strace", "-I2", "-q", "-f", "-e", "trace=pwrite64,fsync,fdatasync", "-e"].map(str::to_owned).into();
    words.push(fault.injected(nth));
    for name in ["concordat.db", "concordat.db-wal", "concordat.db-journal"] {
        words.extend(["-P".to_owned(), data.join(name).display().to_string()]);
    }
    words.extend(["-o".to_owned(), trace.display().to_string()]);
    words
}

/// What was asked of a server, and what it acknowledged.
#[derive(Default)]
struct Work {
    acknowledged: Vec<Receipt>,
}

impl Work {
    async fn on_a_failing_disk(
        &mut self,
        house: &House,
        agents: &[(SampleAgent, String)],
        contracts: u32,
        seen: &mut Seen,
    ) -> anyhow::Result<()> {
        let client = Client::new(&house.url, house.key.as_deref())?.impatient();
        let mut refused = 0;
        for (agent, url) in agents {
            let body = serde_json::to_vec(&agent.registration(url))?;
            refused += usize::from(
                taken(insist(async || client.register(body.clone(), "application/json").await).await)?
                    .is_none(),
            );
        }
        for nth in 0..contracts {
            let submitted = submit(&client, nth).await?;
            refused += usize::from(submitted.is_none());
            self.acknowledged.extend(submitted);
        }
        let halted = self.settle(&client).await?;
        ensure!(halted || refused == 0, "it refused {refused} requests and says that it takes work in");
        if halted {
            seen.halted += 1;
            let after = submit(&client, contracts).await?;
            ensure!(after.is_none(), "it took work in while it said that it does not");
            refused += 1;
            self.reads(&client).await?;
        }
        seen.refused += refused;
        seen.acknowledged += self.acknowledged.len();
        Ok(())
    }

    /// Waits until everything acknowledged is over, or nothing is taken in any more. Gives whether it is so.
    async fn settle(&self, client: &Client) -> anyhow::Result<bool> {
        let began: Instant = now();
        loop {
            match client.ready().await {
                Ok(()) => {}
                Err(ClientError::Refused(no)) if no.problem.status == 503 => {
                    let why = &no.problem.detail;
                    ensure!(
                        why.contains("the store is read-only"),
                        "it does not say why it is not ready: {why}"
                    );
                    return Ok(true);
                }
                Err(odd) => return Err(odd).context("whether it is ready"),
            }
            let mut open = 0;
            for one in &self.acknowledged {
                open +=
                    usize::from(insist(async || client.contract(&one.run).await).await?.row.ended.is_none());
            }
            if open == 0 {
                return Ok(false);
            }
            ensure!(began.elapsed() < Duration::from_secs(60), "{open} contracts neither end nor stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether reads are right: what was acknowledged is there under its name.
    async fn reads(&self, client: &Client) -> anyhow::Result<()> {
        for one in &self.acknowledged {
            let detail = insist(async || client.contract(&one.run).await).await;
            let detail = detail.with_context(|| format!("{} is lost", one.run))?;
            ensure!(detail.row.run == one.run && detail.row.label == one.key, "{} is another one", one.run);
        }
        insist(async || client.checkpoint().await).await.context("the log's head cannot be read")?;
        Ok(())
    }

    /// Everything again, on a disk that works: what was acknowledged is answered as it was.
    async fn on_a_sound_disk(
        &mut self,
        client: &Client,
        agents: &[(SampleAgent, String)],
        contracts: u32,
    ) -> anyhow::Result<()> {
        self.reads(client).await?;
        for (agent, url) in agents {
            let body = serde_json::to_vec(&agent.registration(url))?;
            match insist(async || client.register(body.clone(), "application/json").await).await {
                Err(error) if error.status() != Some(409) => return Err(error.into()),
                _ => {}
            }
        }
        for nth in 0..=contracts {
            let one = submit(client, nth).await?.context("a sound server refuses")?;
            match self.acknowledged.iter().find(|before| before.key == one.key) {
                Some(before) => ensure!(before.run == one.run, "{} was told as {}", one.run, before.run),
                None => self.acknowledged.push(one),
            }
        }
        finish(client, &self.acknowledged).await
    }
}

/// Submits a contract; nothing when it was refused as it should be.
async fn submit(client: &Client, nth: u32) -> anyhow::Result<Option<Receipt>> {
    let key = format!("f{nth}");
    let body = serde_json::to_vec(&submission(&key, 2 * nth + 1))?;
    let submitted = insist(async || client.submit(body.clone(), "application/json", &key).await).await;
    let Some(submitted) = taken(submitted)? else {
        return Ok(None);
    };
    let line = submitted.receipt.contracts.into_iter().next().context("a receipt without a contract")?;
    Ok(Some(Receipt { key, run: line.run, digest: line.digest, leaf: None }))
}

/// An answer, or nothing for a 503 that may be repeated.
fn taken<T>(outcome: Result<T, ClientError>) -> anyhow::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(ClientError::Refused(no)) if no.problem.status == 503 && no.problem.retryable => Ok(None),
        Err(ClientError::Refused(no)) => bail!("refused with {}: {}", no.problem.status, no.problem.detail),
        Err(error) => Err(error).context("the server broke off"),
    }
}
