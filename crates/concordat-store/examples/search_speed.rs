//! How long a search of a large log takes, once its index has caught up, and what catching up costs.
//!
//! Measured in release on two cores that others used as well: 1,000,000 records caught up with in 17.8 s, and then
//! pages of 100 hits in 13 to 29 ms (p50) and 20 to 57 ms (p99); a word that nobody mentions in 0.4 ms.
//!
//! Without arguments: 1,000,000 records in a folder made under the current one, of SQLite.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use concordat_engine::ports::{Change, Mention, Mentioned, Page, Search, Store};
use concordat_ledger::{Draft, Record, Signer, SubjectSeq};
use concordat_store::{Database, Signing};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Records of one run.
const RECORDS: u64 = 10;
/// How often each search is repeated.
const TIMES: usize = 50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn main() -> Outcome<()> {
    let records = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    println!("command: {}", std::env::args().collect::<Vec<_>>().join(" "));
    let folder = Path::new("search_speed.tmp");
    fs::create_dir_all(folder)?;
    let outcome = measure(folder, records).await;
    fs::remove_dir_all(folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
async fn measure(folder: &Path, records: u64) -> Outcome<()> {
    let database = Database::File(folder.join("concordat.db"));
    let store = database.open(Signing::by(Signer::from_seed("log.example/speed", &[7; 32])?)).await?;
    for first in (0..records / RECORDS).step_by(64) {
        let runs = first..(first + 64).min(records / RECORDS);
        let commits: Outcome<Vec<_>> = runs.map(|run| Ok(store.commit(change(run)?))).collect();
        for commit in commits? {
            commit.await?;
        }
    }
    let start = now();
    of(&*store, vec![mention(Some(Mentioned::Actor), "nobody")]).await?;
    println!("caught up with {records} records in {:.1} s", start.elapsed().as_secs_f64());
    println!("\n| search, 100 hits | hits | p50 ms | p99 ms |\n|---|---|---|---|");
    for (name, mentions) in [
        ("one of 100 people", vec![mention(Some(Mentioned::Actor), "person-7")]),
        ("one of 1,000 agents", vec![mention(Some(Mentioned::Agent), "agent-77")]),
        (
            "a person and an answer of half the decisions",
            vec![mention(Some(Mentioned::Answer), "deny"), mention(Some(Mentioned::Actor), "person-7")],
        ),
        ("a reason in every tenth record", vec![mention(Some(Mentioned::Reason), "budget_over")]),
        ("whatever has this name", vec![mention(None, "person-7")]),
        ("nothing", vec![mention(None, "nobody")]),
    ] {
        let mut times = Vec::new();
        let mut hits = 0;
        for _ in 0..TIMES {
            let start = now();
            hits = of(&*store, mentions.clone()).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!("| {name} | {hits} | {:.1} | {:.1} |", at(50), at(99));
    }
    store.close().await;
    Ok(())
}

fn mention(what: Option<Mentioned>, value: &str) -> Mention {
    Mention { what, value: value.to_owned() }
}

async fn of(store: &dyn Store, mentions: Vec<Mention>) -> Outcome<usize> {
    Ok(store.find(&Search { mentions, ..Search::default() }, Page::of(100)).await?.len())
}

fn change(run: u64) -> Outcome<Change> {
    let records = (0..RECORDS).map(|seq| record(run, seq)).collect::<Outcome<_>>()?;
    Ok(Change { records, ..Change::default() })
}

fn record(run: u64, seq: u64) -> Outcome<Record> {
    let reasons = json!([{"code": if run.is_multiple_of(5) { "budget_over" } else { "skill_missing" }, "message": "why"}]);
    let answer = if run.is_multiple_of(2) {
        json!({"kind": "deny", "reasons": reasons})
    } else {
        json!({"kind": "permit"})
    };
    let (kind, data) = match seq {
        0 => (
            "contract.received",
            json!({"name": "loan", "submitter": {"name": format!("person-{}", run % 100)}}),
        ),
        1..5 => (
            "gate.decided",
            json!({
                "by": format!("person-{}", run % 100),
                "decision": {"answer": answer, "checks": [{"policy": "budget", "result": "pass"}]},
            }),
        ),
        _ => (
            "step.dispatched",
            json!({"agent_name": format!("agent-{}", (run + seq) % 1000), "params": "sha256:00"}),
        ),
    };
    let draft = Draft {
        id: &format!("rec_01{:024}", run * RECORDS + seq),
        source: "concordat/measured",
        kind,
        subject: &format!("run_01{run:024}"),
        subject_seq: SubjectSeq::try_from(seq)?,
        time: "2026-01-31T23:59:59.000001Z",
        data: &data,
    };
    Ok(draft.seal()?)
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}
