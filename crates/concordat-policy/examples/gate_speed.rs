//! Measures what one question to each gate costs: canonical bytes, digest, evaluation, strict reading.
//!
//! ```text
//! cargo run --release -p concordat-policy --example gate_speed [FOLDER]
//! ```
//!
//! Without a folder of Rego files it measures the standard bundle.
#![expect(clippy::print_stdout, reason = "figures are this program's output")]
#![expect(clippy::disallowed_methods, reason = "a stopwatch needs the clock")]
#![expect(clippy::unwrap_used, reason = "the inputs are the repository's own")]

use std::time::Instant;

use concordat_model::decision::Gate;
use concordat_model::id::DecisionId;
use concordat_policy::input::{AccessInput, AdmitInput, DispatchInput, ReleaseInput};
use concordat_policy::{Bundle, Policy};

/// Rounds are short, and the best one counts: what else runs on the machine only ever makes a round slower.
const ROUNDS: usize = 1_000;
const QUESTIONS: u32 = 20;

fn main() {
    println!("{}", std::env::args().collect::<Vec<_>>().join(" "));
    let bundle = std::env::args().nth(1).map_or_else(Bundle::standard, |folder| read(std::path::Path::new(&folder)));
    let loaded = Instant::now();
    let policy = Policy::load(&bundle).unwrap();
    println!("load     {:8.1} ms", loaded.elapsed().as_secs_f64() * 1e3);

    let id: DecisionId = "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let access: AccessInput = serde_json::from_str(include_str!("../tests/inputs/access.json")).unwrap();
    let admit: AdmitInput = serde_json::from_str(include_str!("../tests/inputs/admit.json")).unwrap();
    let dispatch: DispatchInput = serde_json::from_str(include_str!("../tests/inputs/dispatch.json")).unwrap();
    let release: ReleaseInput = serde_json::from_str(include_str!("../tests/inputs/release.json")).unwrap();
    let one = DispatchInput { candidates: dispatch.candidates.iter().take(1).cloned().collect(), ..dispatch.clone() };
    let ten = {
        let candidates = (0..10).flat_map(|n| dispatch.candidates.get(n % 3).cloned().map(|candidate| (n, candidate)));
        let renamed = candidates.map(|(n, mut candidate)| {
            candidate.id = format!("agt_{n:026}").parse().unwrap();
            candidate
        });
        DispatchInput { candidates: renamed.collect(), ..dispatch.clone() }
    };

    measure("access", || policy.access(id, &access).decision.answer.as_str().len());
    measure("admit", || policy.admit(id, &admit).decision.answer.as_str().len());
    for (name, input) in [("dispatch, 1 candidate", &one), ("dispatch, 3", &dispatch), ("dispatch, 10", &ten)] {
        let bytes = concordat_model::digest::canonical(input).unwrap();
        measure(name, || policy.replay(Gate::Dispatch, id, &bytes).answer.as_str().len());
    }
    let bytes = concordat_model::digest::canonical(&release).unwrap();
    measure("release", || policy.replay(Gate::Release, id, &bytes).answer.as_str().len());
    for (name, asked) in [("access", policy.access(id, &access)), ("admit", policy.admit(id, &admit))] {
        println!("{name}: {:?}, input {} bytes", asked.decision.answer, asked.input.len());

    }
    let decision = policy.replay(Gate::Dispatch, id, &concordat_model::digest::canonical(&dispatch).unwrap());
    println!("dispatch: {:?}, {} permitted, {} excluded", decision.answer, decision.permitted.len(), decision.excluded.len());
}

/// The Rego files of every folder within this one.
fn read(root: &std::path::Path) -> Bundle {
    let folders = std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    let rego = files.filter(|path| path.extension().is_some_and(|extension| extension == "rego"));
    let name = |path: &std::path::Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    Bundle::from_files(rego.map(|path| (name(&path), std::fs::read(&path).unwrap()))).unwrap()
}

fn measure(name: &str, mut ask: impl FnMut() -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..QUESTIONS {
            std::hint::black_box(ask());
        }
        best = best.min(started.elapsed().as_secs_f64() / f64::from(QUESTIONS));
    }
    println!("{name:22} {:8.1} us", best * 1e6);
}
