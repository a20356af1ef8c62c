//! `policy prove`: searches for an input that breaks what a policy's author says always holds.

use std::path::{Path, PathBuf};

use concordat_model::decision::Gate;
use concordat_policy::prove::{self, Counterexample, Invariant, Options, Proved, Searched};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{bundle, wrong};
use crate::cli::caret::visible;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Prove {
    /// The folder; without it, the standard policy.
    folder: Option<PathBuf>,
    /// Where chance begins: the same seed gives the same answer.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// The inputs that are tried at each gate.
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    cases: u32,
    /// Try the inputs of these decisions first: one `{"gate": .., "input": ..}` a line.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Try only invariants whose package and name match this.
    #[arg(short, long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Accept invariants whose conditions no case reached.
    #[arg(long)]
    allow_vacuous: bool,
}

/// One line of a file of decisions; whatever else it holds is not needed here.
#[derive(Debug, Deserialize)]
struct Stored {
    gate: Gate,
    input: Value,
}

pub(super) fn run(session: &Session, prove: &Prove) -> Result<Exit, Failure> {
    let stored = prove.decisions.as_deref().map_or_else(|| Ok(Vec::new()), stored)?;
    let options = Options { seed: prove.seed, cases: prove.cases, stored, only: prove.run.clone() };
    let proved = prove::prove(&bundle(prove.folder.clone())?, &options).map_err(wrong)?;
    session.output.show(&proved, text);
    if proved.gates.is_empty() {
        session.output.say(
            "there are no invariants: write rules named `invariant_…` in a package such as \
             `concordat.dispatch_invariants`",
        );
        return Ok(Exit::Negative);
    }
    let broken = proved.invariants().any(|(_, one)| one.broken > 0);
    let vacuous = proved.invariants().any(|(_, one)| one.met == 0);
    Ok(if broken || (vacuous && !prove.allow_vacuous) { Exit::Negative } else { Exit::Success })
}

fn stored(file: &Path) -> Result<Vec<(Gate, Value)>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|why| Failure::Usage(format!("`{}` cannot be read: {why}", file.display())))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let stored: Stored = serde_json::from_str(line).map_err(|why| {
            let name = visible(&file.display().to_string());
            Failure::Documents(format!("{name}:{number}: {}", visible(&why.to_string())))
        })?;
        Ok((stored.gate, stored.input))
    };
    lines.map(read).collect()
}

fn text(proved: &Proved) -> String {
    let mut text = String::new();
    for searched in &proved.gates {
        text.push_str(&head(searched));
        for one in &searched.invariants {
            text.push_str(&line(one));
        }
    }
    for (_, one) in proved.invariants() {
        if let Some(found) = &one.counterexample {
            text.push_str(&shown(one, found, proved.seed));
        }
    }
    let all = proved.invariants().count();
    let broken = proved.invariants().filter(|(_, one)| one.broken > 0).count();
    let never = proved.invariants().filter(|(_, one)| one.met == 0).count();
    text.push_str(&format!(
        "{all} invariants, {broken} broken, {never} never met (seed {}); this is a search, not a proof",
        proved.seed
    ));
    text
}

fn head(searched: &Searched) -> String {
    let denied = searched.cases - searched.permitted - searched.reviewed;
    let stored = match searched.stored {
        0 => String::new(),
        stored => format!(", {stored} of them stored"),
    };
    format!(
        "{}: {} cases{stored}: {} permit, {} review, {denied} deny; {} different answers\n",
        searched.gate, searched.cases, searched.permitted, searched.reviewed, searched.distinct
    )
}

fn line(one: &Invariant) -> String {
    let name = one.invariant.rsplit('.').next().unwrap_or_default();
    let state = match (one.broken, one.met) {
        (0, 0) => {
            format!("NEVER MET: no case reached {}:{}", visible(&one.file), one.unreached.unwrap_or(one.line))
        }
        (0, met) => format!("holds; met in {met} cases"),
        (broken, _) => format!("BROKEN in {broken} cases"),
    };
    format!("  {}  {state}\n", visible(name))
}

fn shown(one: &Invariant, found: &Counterexample, seed: u64) -> String {
    let mut text = format!("\n{}:{}: `{}` {}\n", one.file, one.line, one.invariant, visible(&found.told));
    if let Some(condition) = &found.condition {
        text.push_str(&format!("  {}:{}: {}\n", condition.file, condition.line, visible(&condition.text)));
        for valued in &condition.values {
            text.push_str(&format!("    {} is {}\n", visible(&valued.expression), visible(&valued.value)));
        }
    }
    text.push_str(&format!("\n{}\n", prove::as_test(one, found, seed)));
    text
}
