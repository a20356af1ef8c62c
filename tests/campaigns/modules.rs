//! `modules`: policies that nobody wrote.
//!
//! Files of the standard policy and of the hostile corpus are changed at random: tokens swapped, left out, doubled and
//! nested, parts of other files and single bytes put in. Each is looked at in a process of its own, as the server
//! does it; whatever passes is loaded here and asked. A report always comes, nothing crashes, and an answer too comes
//! in time. How often a changed policy permits what the standard one does not is told: a policy that lost a rule may.
//!
//! `campaign modules --seeds 1000`, in a build for development on two busy cores: a report on each, the slowest after
//! 3.1 s; 120 passed and answered 3,600 questions, the slowest in 45 ms; none permitted what the standard one does not.

mod change;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use concordat::policy_worker::inspect;
use concordat_model::decision::{Answer, Decision, Gate};
use concordat_policy::{Bundle, Code, Finding, Inspection, Policy};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use self::change::changed;
use crate::bench::clock::now;
use crate::corpus;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many modules.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The longest that one answer may take; its timer stops it far earlier.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many inputs each gate is asked about.
const INPUTS: usize = 6;

/// What came of all of them.
#[derive(Default)]
struct Told {
    passed: u64,
    codes: BTreeMap<&'static str, u64>,
    answers: u64,
    stopped: u64,
    permits: u64,
    slowest_look: f64,
    slowest_answer: f64,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { seeds, seed } = options;
    println!("campaign modules --seeds {seeds} --seed {seed}");
    let mut sources: Vec<(String, String)> =
        corpus::read()?.into_iter().map(|case| (case.path, case.text)).collect();
    // The standard files once for every six of the corpus would rarely pass: let them be half of all.
    let standard: Vec<_> =
        Bundle::standard().deciding().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    let hostile = sources.len();
    sources.extend(standard.iter().cycle().take(hostile).cloned());
    let policy = Policy::load(&Bundle::standard())?;
    let mut told = Told::default();
    for seed in *seed..seed.saturating_add(*seeds) {
        one(seed, &sources, &policy, &mut told).await.with_context(|| format!("seed {seed}"))?;
    }
    told.print(*seeds);
    Ok(())
}

async fn one(
    seed: u64,
    sources: &[(String, String)],
    standard: &Policy,
    told: &mut Told,
) -> anyhow::Result<()> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let (path, text) = changed(sources, &mut chance).context("there is something to change")?;
    let mut files: BTreeMap<String, Vec<u8>> =
        Bundle::standard().files().map(|(path, text)| (path.to_owned(), text.into())).collect();
    files.insert(path, text);
    let program = std::env::current_exe()?;
    let started = now();
    let bundle = Bundle::from_files(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    let report = match &bundle {
        Ok(bundle) => inspect(&program, &bundle.document()).await?,
        Err(error) => Inspection::of(Finding::from(error)),
    };
    told.slowest_look = told.slowest_look.max(started.elapsed().as_secs_f64());
    if let Some(error) = report.errors().next() {
        let crashed = error.code == Code::Exhausted && error.message.contains("crashed");
        ensure!(!crashed, "it crashed its reader: {error}");
        *told.codes.entry(error.code.as_str()).or_default() += 1;
        return Ok(());
    }
    ensure!(report.passes(), "a report without errors does not pass: {report:?}");
    told.passed += 1;
    let policy = Policy::load(&bundle?).context("it passes, and does not load")?;
    for gate in Gate::ALL {
        for input in inputs(gate, &mut chance)? {
            asked(&policy, standard, gate, input, told).await?;
        }
    }
    Ok(())
}

/// Asks both policies the same; the changed one on a thread that may be given up.
async fn asked(
    policy: &Policy,
    standard: &Policy,
    gate: Gate,
    input: Vec<u8>,
    told: &mut Told,
) -> anyhow::Result<()> {
    let id = "dec_01h455vb4pex5vsknk084sn02q".parse()?;
    let before = standard.replay(gate, id, &input);
    let policy = policy.clone();
    let started = now();
    let answered = tokio::task::spawn_blocking(move || policy.replay(gate, id, &input));
    let Ok(answered) = tokio::time::timeout(PATIENCE, answered).await else {
        bail!("the gate `{gate}` has no answer after {} s", PATIENCE.as_secs())
    };
    let answered = answered?;
    told.slowest_answer = told.slowest_answer.max(started.elapsed().as_secs_f64());
    told.answers += 1;
    ensure!(!says(&answered, "policy_crashed"), "the gate `{gate}` crashes");
    told.stopped += u64::from(says(&answered, "policy_timeout"));
    let permits = |decision: &Decision| matches!(decision.answer, Answer::Permit);
    told.permits += u64::from(permits(&answered) && !permits(&before));
    Ok(())
}

fn says(decision: &Decision, code: &str) -> bool {
    decision.answer.reasons().iter().any(|reason| reason.code == code)
}

/// An ordinary input of a gate, and the same with one member taken away or replaced.
fn inputs(gate: Gate, chance: &mut ChaCha8Rng) -> anyhow::Result<Vec<Vec<u8>>> {
    let ordinary: &[u8] = match gate {
        Gate::Access => include_bytes!("../../crates/concordat-policy/src/check/inputs/access.json"),
        Gate::Admit => include_bytes!("../../crates/concordat-policy/src/check/inputs/admit.json"),
        Gate::Dispatch => include_bytes!("../../crates/concordat-policy/src/check/inputs/dispatch.json"),
        Gate::Release => include_bytes!("../../crates/concordat-policy/src/check/inputs/release.json"),
        Gate::Enroll => include_bytes!("../../crates/concordat-policy/src/check/inputs/enroll.json"),
        Gate::Promote => include_bytes!("../../crates/concordat-policy/src/check/inputs/promote.json"),
    };
    let mut inputs = vec![ordinary.to_vec()];
    while inputs.len() < INPUTS {
        let mut input: Value = serde_json::from_slice(ordinary)?;
        touch(&mut input, chance);
        inputs.push(serde_json::to_vec(&input)?);
    }
    Ok(inputs)
}

fn touch(value: &mut Value, chance: &mut ChaCha8Rng) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let nth = chance.random_range(0..members.len());
            let Some(name) = members.keys().nth(nth).cloned() else { return };
            if chance.random_bool(0.2) {
                members.remove(&name);
            } else if let Some(member) = members.get_mut(&name) {
                touch(member, chance);
            }
        }
        Value::Array(items) if !items.is_empty() && chance.random_bool(0.7) => {
            let nth = chance.random_range(0..items.len());
            items.get_mut(nth).into_iter().for_each(|item| touch(item, chance));
        }
        Value::Array(items) => items.clear(),
        Value::Bool(yes) => *yes = !*yes,
        Value::Number(_) => {
            *value = match chance.random_range(0..4) {
                0 => 0,
                1 => 1,
                2 => -1,
                _ => 10_000,
            }
            .into();
        }
        Value::Null | Value::String(_) | Value::Object(_) => *value = Value::from("other"),
    }
}

impl Told {
    fn print(&self, seeds: u64) {
        let codes: Vec<String> = self.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
        println!("{seeds} modules, a report on each; the slowest took {:.2} s", self.slowest_look);
        println!("refused: {}", codes.join(", "));
        println!(
            "{} passed, were loaded and answered {} questions, the slowest in {:.0} ms; {} ran out of time",
            self.passed,
            self.answers,
            self.slowest_answer * 1e3,
            self.stopped
        );
        println!("{} answers permit what the standard policy does not", self.permits);
    }
}
