//! Has a server write a log, changes copies of it in every way that somebody with write access can, and demands of the
//! offline verifier that it finds each change at the right place, given the public key and one earlier checkpoint.
//!
//! Where a change leaves everything that was signed as it is (a page that holds no data, a run's row), it must say
//! that the log is sound. What was cut off after the kept checkpoint, together with its own checkpoints, nobody can
//! see from one file: so cuts are before it. Indices are not signed either: a byte that makes one of them lead elsewhere
//! is for `audit fsck` to find.
//!
//! `campaign tamper --mutations 10000`: 351 records under 63 checkpoints, 31 kinds of change, every one found and
//! located. Of 322 changed bytes of the file 244 were found by verification, 19 by `fsck` in indices, 8 left no
//! database, and 51 touched nothing that counts (pages without data, and what verification does not rest on).

mod attack;
mod judge;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use concordat::client::Client;
use concordat::demo::agents::{Manner, Mood};
use concordat_ledger::{Checkpoint, Signer, Verifier};
use concordat_store::{Database, verify};
use concordat_tests::history::Receipt;
use concordat_tests::intruder::{Intruder, Stored};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::crash::finish;
use crate::house::{House, free_port};
use crate::loans::{employ, submission};
use attack::KINDS;

#[derive(Args)]
pub(crate) struct Options {
    /// How many copies are changed.
    #[arg(long, default_value_t = 10_000)]
    mutations: u32,
    /// How many contracts the server carries out.
    #[arg(long, default_value_t = 12)]
    contracts: u32,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What was written, and what an auditor kept of it.
pub(crate) struct Written {
    /// The database.
    pub(crate) file: PathBuf,
    /// A copy of it from before the kept checkpoint, and its number of records.
    pub(crate) older: (PathBuf, u64),
    /// The log in it.
    pub(crate) log: Stored,
    /// Everything in it that verification is about.
    everything: Vec<String>,
    /// The checkpoint that was kept elsewhere.
    pub(crate) kept: Checkpoint,
    /// The log's own key.
    pub(crate) signer: Signer,
    key: Verifier,
}

impl Written {
    /// Digests and contents of the payloads, in hexadecimal digits.
    pub(crate) fn payloads(&self) -> Vec<(String, String)> {
        let others = self.log.records.len() + self.log.checkpoints.len();
        let lines = self.everything.iter().skip(others).filter_map(|line| line.split_once(' '));
        lines.map(|(digest, body)| (digest.to_owned(), body.to_owned())).collect()
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { mutations, contracts, seed } = options;
    println!("campaign tamper --mutations {mutations} --contracts {contracts} --seed {seed}");
    let folder = tempfile::tempdir()?;
    let written = write(folder.path(), *contracts, *seed).await?;
    let (size, heads) = (written.log.records.len(), written.log.checkpoints.len());
    let kept = written.kept.size();
    println!("{size} records under {heads} checkpoints; the auditor kept the checkpoint of {kept}");
    ensure!(verified(&written, &written.file).await.is_ok(), "the log itself does not verify");

    let mut rng = ChaCha8Rng::seed_from_u64(*seed);
    let mut found: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
    let mut missed = Vec::new();
    for number in 0..*mutations {
        // Every kind in turn, so that a short run has them all.
        let place = usize::try_from(number)? % KINDS.len();
        let (kind, attack) = KINDS.get(place).context("a kind")?;
        let mut own = ChaCha8Rng::seed_from_u64(rng.next_u64());
        let copy = folder.path().join("copy.db");
        std::fs::copy(&written.file, &copy)?;
        let expected = attack(&written, &copy, &mut own).await;
        let said = verified(&written, &copy).await;
        let judged = judge::judge(&written, &copy, &expected, &said).await;
        match judged {
            Ok(word) => *found.entry(kind).or_default().entry(word).or_default() += 1,
            Err(why) => missed.push(format!("mutation {number} ({kind}, {expected:?}): {why}")),
        }
        for beside in ["copy.db", "copy.db-wal", "copy.db-shm", "copy.db.lock"] {
            let _ = std::fs::remove_file(folder.path().join(beside));
        }
    }
    for (kind, words) in &found {
        let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        println!("  {kind}: {}", words.join(", "));
    }
    for miss in missed.iter().take(20) {
        println!("  MISSED {miss}");
    }
    ensure!(missed.is_empty(), "{} of {mutations} changes were not found where they are", missed.len());
    println!("{mutations} changes, every one found and located");
    Ok(())
}

async fn verified(written: &Written, file: &Path) -> Result<verify::Sound, verify::Unsound> {
    let database = Database::File(file.to_owned());
    verify::database(&database, vec![written.key.clone()], Some(written.kept.clone())).await
}

/// Has a server write a log in two lives, and keeps a copy from between them.
async fn write(folder: &Path, contracts: u32, seed: u64) -> anyhow::Result<Written> {
    let data = folder.join("data");
    let (file, older) = (data.join("concordat.db"), folder.join("older.db"));
    let listen = free_port()?;
    let house = House::start(listen, &data)?;
    let key = house.key.clone().context("a first start gives a key")?;
    let client = Client::new(&house.url, Some(&key))?;
    for agent in employ(&client).await? {
        agent.set_mood(Mood::always(Manner::Work));
    }
    live(&client, 0..contracts / 3, seed).await?;
    house.stop()?;
    let before = settled(&file).await?;
    std::fs::copy(&file, &older)?;
    let house = House::start(listen, &data)?;
    live(&Client::new(&house.url, Some(&key))?, contracts / 3..contracts, seed).await?;
    house.stop()?;
    let log = settled(&file).await?;

    let text = std::fs::read_to_string(data.join("log.vkey"))?;
    let key: Verifier = text.trim().parse()?;
    let seed = std::fs::read_to_string(data.join("log.key"))?;
    let signer = Signer::from_seed(key.name(), &digits(seed.trim()).context("the key's seed")?)?;
    // Some two thirds in: neither the first nor the last.
    let two_thirds = (log.records.len() as u64) * 2 / 3;
    let (_, note) = log.checkpoints.iter().find(|(size, _)| *size > two_thirds).context("a checkpoint")?;
    let kept = Checkpoint::open(note.as_bytes(), std::slice::from_ref(&key))?;
    let mut reader = Intruder::open(&file).await?;
    let everything = reader.everything().await?;
    reader.close().await;
    let older = (older, before.records.len() as u64);
    ensure!(older.1 < kept.size(), "the older copy is not older than the kept checkpoint");
    Ok(Written { file, older, log, everything, kept, signer, key })
}

async fn live(client: &Client, numbers: std::ops::Range<u32>, seed: u64) -> anyhow::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ u64::from(numbers.start));
    let mut receipts = Vec::new();
    for nth in numbers {
        let key = format!("t{nth}");
        let body = serde_json::to_vec(&submission(&key, rng.next_u32()))?;
        let submitted = client.submit(body, "application/json", &key).await?;
        let line = submitted.receipt.contracts.into_iter().next().context("a receipt without a contract")?;
        receipts.push(Receipt { key, run: line.run, digest: line.digest, leaf: None });
    }
    finish(client, &receipts).await
}

/// The log in a file, once everything is in that file.
async fn settled(file: &Path) -> anyhow::Result<Stored> {
    let mut reader = Intruder::open(file).await?;
    let log = reader.log().await?;
    reader.close().await;
    Ok(log)
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}
