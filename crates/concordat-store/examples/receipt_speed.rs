//! How long a receipt takes in a large log: the record is found and the proof built. Each receipt is verified.
//!
//! Measured with `receipt_speed` in release, on SQLite, on two cores: 2,000 receipts of 1,000,000 records with p50
//! 0.56 ms and p99 0.93 ms (the goal is a p99 of 5 ms), tiles with p50 0.31 ms and p99 0.44 ms; with 100,000 records
//! the same.
//!
//! Without arguments: 1,000,000 records and 2,000 receipts of records anywhere in the log, of which every second is
//! under the newest checkpoint, in a folder made under the current one.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use concordat_engine::ports::{Change, Store};
use concordat_engine::proofs;
use concordat_ledger::tree::Tile;
use concordat_ledger::{Draft, Receipt, Record, Signer, SubjectSeq};
use concordat_store::{Database, Signing};
use concordat_tests_postgres::Server;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Records of one commit.
const RECORDS: u64 = 64;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    println!("command: {}", arguments.join(" "));
    let number = |place: usize, default: u64| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let (records, receipts) = (number(1, 1_000_000)?, number(2, 2_000)?);
    let folder = Path::new("receipt_speed.tmp");
    fs::create_dir_all(folder)?;
    println!("SQLite");
    let mut outcome = measure(&Database::File(folder.join("concordat.db")), records, receipts).await;
    if outcome.is_ok() && arguments.get(3).is_some_and(|word| word == "postgres") {
        println!("PostgreSQL");
        let server = Server::start(folder, &[])?;
        outcome = measure(&server.database()?.parse()?, records, receipts).await;
    }
    fs::remove_dir_all(folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn measure(database: &Database, records: u64, receipts: u64) -> Outcome<()> {
    let start = now();
    let store = database.open(signing()?).await?;
    let commits = records / RECORDS;
    for first in (0..commits).step_by(64) {
        let waiting: Outcome<Vec<_>> =
            (first..commits.min(first + 64)).map(|commit| Ok(store.commit(change(commit)?))).collect();
        for commit in waiting? {
            commit.await?;
        }
    }
    store.close().await;
    println!("filled: {} records in {:.1} s", commits * RECORDS, start.elapsed().as_secs_f64());

    let start = now();
    let store = database.open(signing()?).await?;
    println!("opened: {:.2} s", start.elapsed().as_secs_f64());
    let newest = store.checkpoint().await?.map_or(0, |newest| newest.size);
    let mut spent = Vec::new();
    for nth in 0..receipts {
        // A walk that comes by everywhere, the same each time.
        let index = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) % newest;
        let size = (nth % 2 == 0).then_some(newest);
        let start = now();
        let (record, receipt) = receipt(&*store, index, size).await?;
        spent.push(start.elapsed());
        receipt.verify(record.bytes(), &[signing()?.signer.verifier().clone()])?;
    }
    told("receipts", &mut spent);
    let mut spent = Vec::new();
    for tile in Tile::of_tree(newest).step_by(usize::try_from((newest / 256 / 200).max(1))?) {
        let start = now();
        proofs::tile(&*store, tile).await?;
        spent.push(start.elapsed());
    }
    told("tiles", &mut spent);
    store.close().await;
    Ok(())
}

async fn receipt(store: &dyn Store, index: u64, size: Option<u64>) -> Outcome<(Record, Receipt)> {
    let stored = store.record(&format!("rec_01{index:024}")).await?.ok_or("a record is missing")?;
    let receipt = proofs::receipt(store, &stored, size).await?;
    Ok((stored.record, receipt))
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn told(what: &str, spent: &mut [Duration]) {
    spent.sort_unstable();
    let at = |percent: usize| {
        spent
            .get((spent.len() * percent / 100).min(spent.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    let [p50, p99, most] = [at(50), at(99), at(100)].map(|spent| spent.as_secs_f64() * 1000.0);
    println!("{what}: {} in ms: p50 {p50:.2}, p99 {p99:.2}, most {most:.2}", spent.len());
}

fn change(commit: u64) -> Outcome<Change> {
    let record = |seq| record(commit, seq);
    Ok(Change { records: (0..RECORDS).map(record).collect::<Outcome<_>>()?, ..Change::default() })
}

fn record(commit: u64, seq: u64) -> Outcome<Record> {
    let draft = Draft {
        id: &format!("rec_01{:024}", commit * RECORDS + seq),
        source: "concordat/measured",
        kind: "gate.decided",
        subject: &format!("run_01{commit:024}"),
        subject_seq: SubjectSeq::try_from(seq)?,
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({"decision": "permit", "gate": "dispatch", "nth": seq}),
    };
    Ok(draft.seal()?)
}

fn signing() -> Outcome<Signing> {
    Ok(Signing::by(Signer::from_seed("log.example/speed", &[7; 32])?))
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}
