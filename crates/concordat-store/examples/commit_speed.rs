//! How fast records become durable in both stores, beside the disk's own rate in the same run.
//!
//! Measured with `commit_speed 3` in release, on two shared cores and a virtual disk that wander between moods; several
//! runs, lowest to highest. A rate beside the disk's is the disk's own in the same seconds.
//!
//! | SQLite | disk at 5,000 to 7,000 fdatasync/s | disk at 200 to 350 fdatasync/s |
//! |---|---|---|
//! | 1 caller | 1,900 to 4,800 records/s, 0.42 to 0.74 x | 156 records/s, 0.44 x; with fdatasync 0.9 x |
//! | 16 callers | 13,000 to 28,000 records/s, 2.7 to 4.1 x | 3,500 records/s, 13 x |
//! | 64 callers | 28,000 to 56,000 records/s, 6.3 to 11 x | 9,700 to 14,000 records/s, 35 to 71 x |
//!
//! On the fast disk 64 callers are bound by the processors: 14 to 29 CPU-us a record that is a commit of its own. The
//! lowest figures are of days when the processors are slow: then a build from before the log could be searched, or its
//! contents forgotten, has them too (27,000 to 33,000, 23 to 29 CPU-us, in turns with today's). What secrets cost is
//! seen with the payloads of a step: 26 to 35 CPU-us a record beside 25 to 26 without them, which makes 1.4 to 1.9
//! CPU-ms for a contract of ten steps. PostgreSQL: 1 caller 1,100 to 1,300, 64 callers 13,000 to 22,000.
//!
//! A log of a million records beside an empty one, median of five rounds: SQLite 0.98 x at 1 caller and 0.91 x at 64,
//! PostgreSQL 0.96 x and 0.99 x.
//!
//! Without arguments: 1, 16 and 64 callers, 3 seconds each, in a folder made under the current one. With
//! `commit_speed 3 --filled 1000000` a log of so many records is compared with an empty one instead, in turns, since the
//! disk wanders: what is wanted is that the full one is at most 20 % slower.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use concordat_engine::ports::{Change, RunRow, Sealed, Whose};
use concordat_ledger::{Draft, Record, Signer, SubjectSeq};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;
use concordat_store::{Database, Signing, verify};
use concordat_tests_postgres::Server;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What one caller commits at a time.
#[derive(Clone, Copy)]
struct Shape {
    records: u64,
    payloads: u64,
    /// Bytes of each payload.
    size: usize,
}

const ALONE: Shape = Shape { records: 1, payloads: 0, size: 0 };
/// Who writes what is there before anybody is measured.
const FILLER: u64 = 999;
/// A governed contract of ten steps is about eleven of these.
const STEP: Shape = Shape { records: 5, payloads: 2, size: 3000 };

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    println!("command: {}", arguments.join(" "));
    let seconds = arguments.get(1).map_or(Ok(3), |text| text.parse())?;
    let filled = match (arguments.get(2).map(String::as_str), arguments.get(3)) {
        (None, _) => None,
        (Some("--filled"), Some(count)) => Some(count.parse()?),
        _ => return Err("arguments: SECONDS [--filled RECORDS]".into()),
    };
    // Under the current folder, since that is on the disk to be measured.
    let fresh = tempfile::tempdir_in(".")?;
    let folder = fresh.path();
    let time = Duration::from_secs(seconds);
    match filled {
        None => both(folder, time).await,
        Some(count) => growth(folder, time, count).await,
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn both(folder: &Path, time: Duration) -> Outcome<()> {
    println!("SQLite");
    let file = |name: &str| Ok(Database::File(folder.join(format!("{name}.db"))));
    measure(folder, time, file).await?;
    println!("PostgreSQL (CPU is this program's alone)");
    let server = Server::start(folder, &[])?;
    let fresh = |_: &str| Ok(server.database()?.parse()?);
    measure(folder, time, fresh).await
}

/// How often an empty log and a full one take turns.
const ROUNDS: u64 = 5;

/// An empty log beside one of `count` records, in both stores.
#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn growth(folder: &Path, time: Duration, count: u64) -> Outcome<()> {
    println!("SQLite");
    let file = |name: &str| Ok(Database::File(folder.join(format!("{name}.db"))));
    grown(folder, time, count, file).await?;
    println!("PostgreSQL");
    let server = Server::start(folder, &[])?;
    let fresh = |_: &str| Ok(server.database()?.parse()?);
    grown(folder, time, count, fresh).await
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn grown(
    folder: &Path,
    time: Duration,
    count: u64,
    fresh: impl Fn(&str) -> Outcome<Database>,
) -> Outcome<()> {
    let full = fresh("full")?;
    let start = now();
    let store = full.open(signing()?).await?;
    let shape = Shape { records: 55, ..ALONE };
    for turn in 0..count.div_ceil(shape.records) {
        // A caller of its own, so that nobody writes these again.
        store.commit(change(FILLER, turn, shape)?).await?;
    }
    store.close().await;
    println!("{count} records written in {:.0} s", start.elapsed().as_secs_f64());
    for callers in [1, 64] {
        let mut ratios = Vec::new();
        for round in 0..ROUNDS {
            let empty = fresh(&format!("empty-{callers}-{round}"))?;
            let before = disk(folder, time / 3)?;
            let small = callers_at_work(&empty, callers, ALONE, time, 0).await?;
            let between = disk(folder, time / 3)?;
            let base = (callers * ROUNDS + round) * 55_000_000;
            let large = callers_at_work(&full, callers, ALONE, time, base).await?;
            let after = disk(folder, time / 3)?;
            // Each beside the disk of its own seconds.
            let of_disk = |rate: f64, one: f64, other: f64| rate / f64::midpoint(one, other);
            let ratio = of_disk(large.rate, between, after) / of_disk(small.rate, before, between);
            println!(
                "  {callers} callers, round {round}: empty {small}; full {large}; disk {before:.0}, {between:.0}, {after:.0} fdatasync/s; full beside empty {:.2}, each beside its disk {ratio:.2}",
                large.rate / small.rate
            );
            ratios.push(large.rate / small.rate);
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
        let verdict = if median >= 0.8 { "as wanted" } else { "NOT as wanted" };
        println!(
            "{callers} callers: the full log has {median:.2} of the empty one's rate (median), {verdict}: 0.80 or more"
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn measure(folder: &Path, time: Duration, fresh: impl Fn(&str) -> Outcome<Database>) -> Outcome<()> {
    for callers in [1, 16, 64] {
        // The disk before and after, since its rate wanders.
        let before = disk(folder, time / 3)?;
        let database = fresh(&format!("alone-{callers}"))?;
        let worked = callers_at_work(&database, callers, ALONE, time, 0).await?;
        let after = disk(folder, time / 3)?;
        let rate = f64::midpoint(before, after);
        println!(
            "{callers} callers, a record a commit: {worked}, {:.2} x the disk's {rate:.0} fdatasync/s; {}",
            worked.rate / rate,
            wanted(callers, &worked, rate)
        );
    }
    let database = fresh("steps")?;
    let worked = callers_at_work(&database, 64, STEP, time, 0).await?;
    println!(
        "64 callers, 5 records, 2 payloads and a row a commit: {worked}, {:.2} CPU-ms for 55",
        worked.cpu * 55.0 / 1000.0
    );
    let (start, cpu) = (now(), cpu_time()?);
    let sound = verify::database(&database, vec![signing()?.signer.verifier().clone()], None).await?;
    let spent = start.elapsed().as_secs_f64();
    println!(
        "verified: {} records, {} checkpoints, {} payloads in {spent:.2} s, {:.0} records/s, {:.2} CPU-s",
        sound.log.size,
        sound.log.checkpoints,
        sound.payloads,
        sound.log.size as f64 / spent,
        (cpu_time()? - cpu).as_secs_f64()
    );
    let start = now();
    let store = database.open(signing()?).await?;
    println!("opened again: {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
    store.close().await;
    Ok(())
}

/// Appends of 4 KiB, each followed by fdatasync, per second.
fn disk(folder: &Path, time: Duration) -> Outcome<f64> {
    let mut file = File::create(folder.join("probe"))?;
    let (start, mut count) = (now(), 0_u32);
    while start.elapsed() < time {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// What callers got done.
struct Worked {
    /// Records per second.
    rate: f64,
    /// Microseconds of CPU for each record, those of making it left out.
    cpu: f64,
    /// How long a commit took for half of them, and for 99 of 100, in milliseconds.
    half: f64,
    most: f64,
}

impl fmt::Display for Worked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Worked { rate, cpu, half, most } = self;
        write!(f, "{rate:.0} records/s (p50 {half:.2} ms, p99 {most:.2} ms, {cpu:.1} CPU-us a record)")
    }
}

/// What is wanted of a disk that syncs so often a second, and whether it came so.
fn wanted(callers: u64, worked: &Worked, disk: f64) -> String {
    let verdict = |holds: bool| if holds { "as wanted" } else { "NOT as wanted" };
    match callers {
        1 => format!("{}: 0.7 x or more", verdict(worked.rate >= 0.7 * disk)),
        64 => {
            let enough = worked.rate >= (15.0 * disk).min(10_000.0);
            let quick = worked.half <= f64::max(5.0, 3000.0 / disk) && worked.most <= 100.0;
            let (enough, quick) = (verdict(enough), verdict(quick));
            format!("{enough}: 15 x or 10,000/s; {quick}: p50 of 5 ms or 3 syncs, p99 of 100 ms")
        }
        _ => "no demand".to_owned(),
    }
}

/// Lets so many callers commit for so long, each from this turn on.
async fn callers_at_work(
    database: &Database,
    callers: u64,
    shape: Shape,
    time: Duration,
    base: u64,
) -> Outcome<Worked> {
    let store = database.open(signing()?).await?;
    let making = cost_of_making(shape)?;
    let (start, cpu) = (now(), cpu_time()?);
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let (mut turn, mut took) = (base, Vec::new());
            while start.elapsed() < time {
                let change = change(caller, turn, shape)?;
                let began = now();
                store.commit(change).await?;
                took.push(began.elapsed());
                turn += 1;
            }
            Outcome::Ok(took)
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let (spent, cpu) = (start.elapsed().as_secs_f64(), cpu_time()? - cpu);
    store.close().await;
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
    let records = took.len() as f64 * shape.records as f64;
    let making = making.as_secs_f64() * took.len() as f64;
    let cpu = (cpu.as_secs_f64() - making) * 1e6 / records;
    Ok(Worked { rate: records / spent, cpu, half: at(50), most: at(99) })
}

fn cost_of_making(shape: Shape) -> Outcome<Duration> {
    let rounds = 2000;
    let start = now();
    for turn in 0..rounds {
        std::hint::black_box(change(0, turn, shape)?);
    }
    Ok(start.elapsed() / u32::try_from(rounds)?)
}

fn change(caller: u64, turn: u64, shape: Shape) -> Outcome<Change> {
    // Each run has 55 records, as a contract of ten steps has.
    let first = turn * shape.records;
    let run = first / 55 * 1000 + caller;
    let records: Outcome<Vec<Record>> =
        (first..first + shape.records).map(|seq| record(caller, run, seq % 55, seq)).collect();
    let payload = |number| {
        let content = format!("{caller}-{turn}-{number}-{}", "x".repeat(shape.size)).into_bytes();
        (Digest::of(&content), content)
    };
    let sealed = Sealed {
        owner: id("run", run),
        secret: Secret::new(*Digest::of(&run.to_be_bytes()).bytes()),
        whose: first.is_multiple_of(55).then_some(Whose { tenant: "acme".parse()?, subject: None }),
        payloads: (0..shape.payloads).map(payload).collect(),
    };
    Ok(Change {
        records: records?,
        sealed: if shape.payloads > 0 { vec![sealed] } else { Vec::new() },
        runs: if shape.payloads > 0 { vec![row(run, first)?] } else { Vec::new() },
        ..Change::default()
    })
}

fn record(caller: u64, run: u64, seq: u64, number: u64) -> Outcome<Record> {
    let draft = Draft {
        id: &format!("rec_01jy{number:010}{caller:012}"),
        source: "concordat/measured",
        kind: "gate.decided",
        subject: &id("run", run),
        subject_seq: SubjectSeq::try_from(seq)?,
        time: "2026-01-31T23:59:59.000001Z",
        data: &data(),
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

fn row(run: u64, settled: u64) -> Outcome<RunRow> {
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
        settled: u32::try_from(settled % 10)?,
        steps: 10,
        received: "2026-01-31T23:59:59.000001Z".parse()?,
        ended: None,
    })
}

fn signing() -> Outcome<Signing> {
    Ok(Signing::by(Signer::from_seed("log.example/speed", &[7; 32])?))
}

/// What this process used of the processors so far, from `/proc/self/stat`.
fn cpu_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no fields")?.1.split_whitespace().collect();
    let ticks =
        |place: usize| fields.get(place).ok_or("too few fields")?.parse::<u64>().map_err(|_| "not a number");
    // Linux counts in hundredths of a second for every program.
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}
