//! Runs a server under `strace`, has contracts carried out, and looks whether any answer or any request to an agent
//! left before what it tells was on disk.
//!
//! A server that is killed loses nothing that the kernel already has, so killing cannot tell whether the disk was
//! synced; the order of the system calls can. `--without-sync` takes the syncs out: the kernel never sees them, the
//! server believes that they went well, and the campaign has to fail. With PostgreSQL all its processes are watched.
//!
//! `campaign durability`: 43 answers and 73 requests to agents, 62 syncs, none left early; with `--without-sync` 119
//! things left early. With `--postgres`: 41 and 70, 41 syncs, none early; with `--without-sync` too, 117.

use std::path::Path;

use anyhow::{Context as _, ensure};
use clap::Args;
use concordat::client::Client;
use concordat::demo::agents::{Manner, Mood};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use concordat_tests::history::Receipt;

use crate::crash::finish;
use crate::house::{House, Setup, free_port};
use crate::loans::{employ, submission};
use crate::trace;

#[derive(Args)]
pub(crate) struct Options {
    /// How many contracts are submitted.
    #[arg(long, default_value_t = 20)]
    contracts: u32,
    /// How many of them are in flight.
    #[arg(long, default_value_t = 4)]
    callers: u32,
    /// Keep the log in a PostgreSQL server of the campaign's own.
    #[arg(long)]
    postgres: bool,
    /// Take the syncs out: the campaign must notice.
    #[arg(long)]
    without_sync: bool,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { contracts, callers, postgres, without_sync, seed } = options;
    println!(
        "campaign durability --contracts {contracts} --callers {callers} --seed {seed}{}{}",
        if *postgres { " --postgres" } else { "" },
        if *without_sync { " --without-sync" } else { "" },
    );
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let server = match postgres {
        true => Some(concordat_tests_postgres::Server::start(&std::env::temp_dir(), &[])?),
        false => None,
    };
    let mut more = Vec::new();
    let mut watcher = strace(&trace, *without_sync);
    if let Some(server) = &server {
        watcher.extend(["-p".to_owned(), server.process()?.to_string()]);
        more = vec!["--database".to_owned(), server.database()?];
    }
    let data = folder.path().join("data");
    let setup = Setup { watcher, more, ..Setup::new(free_port()?, &data) };
    let house = House::start_in(&setup, None).context(
        "a server cannot be watched; hint: `tests/run` installs strace, and a container may need the capability SYS_PTRACE",
    )?;
    submit(&house, options).await?;
    house.stop()?;

    let shown = trace::judge(&std::fs::read_to_string(&trace)?);
    println!("{shown}");
    let asked = *contracts as usize;
    ensure!(shown.answers >= asked && shown.requests >= asked, "too little was seen: this proves nothing");
    ensure!(shown.early.is_empty(), "something left before it was on disk");
    println!("nothing left before it was on disk");
    Ok(())
}

/// The program that watches, and what it is told.
fn strace(trace: &Path, without_sync: bool) -> Vec<String> {
    // By default it cannot be told to end when it has a command of its own.
    let mut words = vec!["strace", "-I2", "-q", "-f", "-yy", "-s", "65536", "-e", trace::CALLS];
    if without_sync {
        words.extend(["-e", "inject=fsync,fdatasync:retval=0"]);
    }
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.extend(["-o".to_owned(), trace.display().to_string()]);
    words
}

/// Has contracts carried out by agents of this process, a few at the same time.
async fn submit(house: &House, options: &Options) -> anyhow::Result<()> {
    let client = Client::new(&house.url, house.key.as_deref())?;
    // Only the server is watched here: an undo that an agent fails too often would wait for a person.
    for agent in employ(&client).await? {
        agent.set_mood(Mood::always(Manner::Work));
    }
    let mut callers = Vec::new();
    for caller in 0..options.callers {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed ^ (u64::from(caller) << 32));
        let (client, step) = (client.clone(), usize::try_from(options.callers)?);
        let mine: Vec<u32> = (caller..options.contracts).step_by(step).collect();
        callers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for nth in mine {
                let key = format!("d{nth}");
                let body = serde_json::to_vec(&submission(&key, rng.next_u32()))?;
                let submitted = client.submit(body, "application/json", &key).await?;
                let line = submitted.receipt.contracts.into_iter().next();
                let line = line.context("a receipt without a contract")?;
                acknowledged.push(Receipt { key, run: line.run, digest: line.digest, leaf: None });
            }
            anyhow::Ok(acknowledged)
        }));
    }
    for caller in callers {
        finish(&client, &caller.await??).await?;
    }
    Ok(())
}
