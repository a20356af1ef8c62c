//! `policy bench`: what one decision of a gate costs for an input.
//!
//! The time on the processor counts, not the time on the wall: what else runs on the machine makes nothing slower.

use std::path::PathBuf;
use std::time::Duration;

use concordat_model::decision::Gate;
use concordat_policy::Policy;
use serde::Serialize;

use super::{bundle, eval, wrong};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// A decision id that no decision has.
const NOBODYS: &str = "dec_00000000000000000000000000";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Bench {
    /// The folder; without it, the standard policy.
    folder: Option<PathBuf>,
    /// The gate that is asked.
    #[arg(long, value_parser = gate, value_name = "GATE")]
    gate: Gate,
    /// The input as JSON; `-` reads it from standard input.
    #[arg(short, long, value_name = "FILE")]
    input: PathBuf,
    /// How long to ask.
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// What it came to.
#[derive(Debug, Serialize)]
struct Measured {
    gate: Gate,
    /// What the gate answers; every time the same.
    answer: String,
    decisions: u32,
    decisions_per_cpu_second: u64,
    p50_micros: u64,
    p99_micros: u64,
    input_bytes: usize,
    decision_bytes: usize,
}

fn gate(text: &str) -> Result<Gate, String> {
    Gate::ALL.into_iter().find(|gate| gate.to_string() == text).ok_or_else(|| {
        let names: Vec<String> = Gate::ALL.iter().map(Gate::to_string).collect();
        format!("the gates are {}", names.join(", "))
    })
}

pub(super) fn run(session: &Session, bench: &Bench) -> Result<Exit, Failure> {
    let policy = Policy::load(&bundle(bench.folder.clone())?).map_err(wrong)?;
    let input = eval::read(&bench.input)?;
    let id =
        NOBODYS.parse().map_err(|_| Failure::Internal(anyhow::anyhow!("`{NOBODYS}` is no decision id")))?;
    let ask = || policy.replay(bench.gate, id, &input);
    let first = ask();
    let answer = first.answer.as_str().to_owned();
    if first.answer.reasons().iter().any(|reason| reason.code.starts_with("policy_")) {
        session.output.say("the gate fails on this input: see its reasons with `policy eval`");
    }
    let until = Duration::from_secs(bench.seconds);
    let mut times = Vec::new();
    let (started, worked) = (tokio::time::Instant::now(), on_processor());
    while started.elapsed() < until {
        let asked = tokio::time::Instant::now();
        let _ = ask();
        times.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let wall = started.elapsed();
    let spent = match (worked, on_processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        // Where the system does not say, the wall's clock is the nearest thing.
        _ => wall,
    };
    times.sort_unstable();
    let decisions = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let measured = Measured {
        gate: bench.gate,
        answer,
        decisions,
        decisions_per_cpu_second: (u128::from(decisions) * 1_000_000 / spent.as_micros().max(1))
            .try_into()
            .unwrap_or(u64::MAX),
        p50_micros: share(&times, 50),
        p99_micros: share(&times, 99),
        input_bytes: input.len(),
        decision_bytes: serde_json::to_vec(&first).map_or(0, |bytes| bytes.len()),
    };
    session.output.show(&measured, text);
    Ok(Exit::Success)
}

fn text(measured: &Measured) -> String {
    format!(
        "{} answers {}: {} decisions per CPU second, p50 {} us, p99 {} us ({} asked; input {} bytes, decision {} bytes)",
        measured.gate,
        measured.answer,
        measured.decisions_per_cpu_second,
        measured.p50_micros,
        measured.p99_micros,
        measured.decisions,
        measured.input_bytes,
        measured.decision_bytes
    )
}

/// How long this thread has worked, where the system says so.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn share(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}
