//! How long a start takes: opening a large log, loading its open runs, verifying all of it.
//!
//! Measured with `restart_speed` in release, on two shared cores, the file in the page cache: opened in 0.5 to 0.6 s,
//! open runs with 400,000 records and 100,000 payloads loaded in 2.1 to 2.4 s, verified in 3.0 to 3.2 s, which is
//! 310,000 to 330,000 records/s with their 250,000 payloads and 2,500 checkpoints.
//!
//! Without arguments: 1,000,000 records in runs of 40, of which 10,000 are open, in a folder made under the
//! current one.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use concordat_engine::ports::{Change, RunRow, Sealed, Whose};
use concordat_ledger::{Draft, Record, Signer, SubjectSeq};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;
use concordat_store::{Database, Signing, verify};
use concordat_tests_postgres::Server;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Records of one run.
const RECORDS: u64 = 40;

/// Bytes of each payload; of a run's records every fourth names one.
const PAYLOAD: usize = 1000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    println!("command: {}", arguments.join(" "));
    let number = |place: usize, default: u64| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let (records, open) = (number(1, 1_000_000)?, number(2, 10_000)?);
    let folder = Path::new("restart_speed.tmp");
    fs::create_dir_all(folder)?;
    let outcome = both(folder, records / RECORDS, open).await;
    fs::remove_dir_all(folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn both(folder: &Path, runs: u64, open: u64) -> Outcome<()> {
    println!("SQLite");
    measure(&Database::File(folder.join("concordat.db")), runs, open).await?;
    println!("PostgreSQL");
    let server = Server::start(folder, &[])?;
    measure(&server.database()?.parse()?, runs, open).await
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn measure(database: &Database, runs: u64, open: u64) -> Outcome<()> {
    let start = now();
    let store = database.open(signing()?).await?;
    for first in (0..runs).step_by(64) {
        let commits: Outcome<Vec<_>> =
            (first..runs.min(first + 64)).map(|run| Ok(store.commit(change(run, run < open)?))).collect();
        for commit in commits? {
            commit.await?;
        }
    }
    store.close().await;
    println!("filled: {} records in {:.1} s", runs * RECORDS, start.elapsed().as_secs_f64());

    let start = now();
    let store = database.open(signing()?).await?;
    println!("opened: {:.2} s", start.elapsed().as_secs_f64());
    let start = now();
    let loaded = store.open_runs().await?;
    let (records, payloads) = loaded.iter().fold((0, 0), |(records, payloads), run| {
        (records + run.records.len(), payloads + run.payloads.len())
    });
    println!(
        "open runs loaded: {} with {records} records and {payloads} payloads in {:.2} s",
        loaded.len(),
        start.elapsed().as_secs_f64()
    );
    drop(loaded);
    store.close().await;

    let start = now();
    let sound = verify::database(database, vec![signing()?.signer.verifier().clone()], None).await?;
    let spent = start.elapsed().as_secs_f64();
    println!(
        "verified: {} records, {} checkpoints, {} payloads in {spent:.2} s, {:.0} records/s",
        sound.log.size,
        sound.log.checkpoints,
        sound.payloads,
        sound.log.size as f64 / spent
    );
    Ok(())
}

fn change(run: u64, open: bool) -> Outcome<Change> {
    let mut change = Change { runs: vec![row(run, open)?], ..Change::default() };
    let mut payloads = Vec::new();
    for seq in 0..RECORDS {
        let content = format!("{run}-{seq}-{}", "x".repeat(PAYLOAD)).into_bytes();
        let digest = Digest::of(&content);
        let (kind, data) = match seq {
            0 => ("contract.received", json!({"contract": digest, "more": data()})),
            seq if seq % 4 == 0 => ("step.dispatched", json!({"params": digest, "more": data()})),
            _ => ("gate.decided", data()),
        };
        change.records.push(record(run, seq, kind, &data)?);
        if seq % 4 == 0 {
            payloads.push((digest, content));
        }
    }
    let whose = Some(Whose { tenant: "acme".parse()?, subject: None });
    let secret = Secret::new(*Digest::of(&run.to_be_bytes()).bytes());
    change.sealed = vec![Sealed { owner: id("run", run), secret, whose, payloads }];
    Ok(change)
}

fn record(run: u64, seq: u64, kind: &str, data: &Value) -> Outcome<Record> {
    let draft = Draft {
        id: &format!("rec_01{:024}", run * RECORDS + seq),
        source: "concordat/measured",
        kind,
        subject: &id("run", run),
        subject_seq: SubjectSeq::try_from(seq)?,
        time: "2026-01-31T23:59:59.000001Z",
        data,
    };
    Ok(draft.seal()?)
}

fn data() -> Value {
    json!({
        "agent": {"id": "agt_01jy0000000000000000001", "revision": 7, "trust_ppm": 912_345},
        "classification": {"domain": "finance", "score_ppm": 981_000},
        "decision": "permit",
        "input_digest": "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
        "policy": {"revision": "sha256:486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"},
        "reasons": ["agent holds every required skill", "trust clears the \"high\" tier"],
    })
}

fn id(kind: &str, number: u64) -> String {
    format!("{kind}_01{number:024}")
}

fn row(run: u64, open: bool) -> Outcome<RunRow> {
    Ok(RunRow {
        id: id("run", run).parse()?,
        tenant: "acme".parse()?,
        submission: id("sub", run).parse()?,
        label: "main".parse()?,
        contract: "loan-approval".parse()?,
        digest: Digest::of(b"contract"),
        submitter: "ada".parse()?,
        domain: Some("finance".parse()?),
        status: "running".into(),
        settled: 3,
        steps: 10,
        received: "2026-01-31T23:59:59.000001Z".parse()?,
        ended: if open { None } else { Some("2026-01-31T23:59:59.000001Z".parse()?) },
    })
}

fn signing() -> Outcome<Signing> {
    Ok(Signing::by(Signer::from_seed("log.example/speed", &[7; 32])?))
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}
