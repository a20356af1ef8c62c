//! Measures what one question to each gate costs: canonical bytes, digest, evaluation, strict reading.
//!
//! ```text
//! cargo run --release -p concordat-policy --example gate_speed [FOLDER]
//! ```
//!
//! Without a folder of Rego files it measures the standard bundle. On a busy machine with two cores, best of a
//! thousand rounds, in microseconds:
//!
//! | gate | standard bundle |
//! |---|---|
//! | access | 27 |
//! | admit, 3 steps and 6 skills | 62 |
//! | dispatch, 1 candidate | 101 |
//! | dispatch, 3 candidates, one of them excluded | 137 |
//! | dispatch, 10 candidates, three of them excluded | 256 |
//! | release | 25 |
//!
//! Choosing among two permitted agents adds less than one. Loading the bundle takes 2 to 5 ms.
#![expect(clippy::print_stdout, reason = "figures are this program's output")]
#![expect(clippy::disallowed_methods, reason = "a stopwatch needs the clock")]
#![expect(clippy::unwrap_used, reason = "the inputs are the repository's own")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use concordat_policy::input::DispatchInput;
use concordat_policy::{Bundle, Policy, choose};

/// Rounds are short, and the best one counts: what else runs on the machine only ever makes a round slower.
const ROUNDS: usize = 1_000;
const QUESTIONS: u32 = 20;

fn main() {
    println!("{}", std::env::args().collect::<Vec<_>>().join(" "));
    let bundle =
        std::env::args().nth(1).map_or_else(Bundle::standard, |folder| read(std::path::Path::new(&folder)));
    let loaded = Instant::now();
    let policy = Policy::load(&bundle).unwrap();
    println!("load     {:8.1} ms", loaded.elapsed().as_secs_f64() * 1e3);

    let (access, admit, release, dispatch) =
        (support::access(), support::admit(), support::release(), support::dispatch());
    measure("access", || policy.access(support::id(), &access).input.len());
    measure("admit", || policy.admit(support::id(), &admit).input.len());
    for count in [1, 3, 10] {
        let input = offered(&dispatch, count);
        let (work, agents) = (support::work(&input), support::agents(&input));
        let name = format!("dispatch, {count} candidates");
        let ask = || policy.dispatch(support::id(), &input, work.clone(), &agents).unwrap();
        measure(&name, || ask().asked().input.len());
        if count == 3 {
            measure("  and choose", || choose(ask(), [7; 32]).draws.len());
        }
        println!(
            "{:22} {:8} permitted, {} bytes",
            "",
            ask().asked().decision.permitted.len(),
            ask().asked().input.len()
        );
    }
    let outcome = support::outcome(&release);
    measure("release", || {
        policy.release(support::id(), &release, outcome.clone()).unwrap().asked.input.len()
    });
}

/// An ordinary question with so many candidates; every third lacks trust.
fn offered(input: &DispatchInput, count: usize) -> DispatchInput {
    let candidates =
        input.candidates.iter().cycle().take(count).cloned().enumerate().map(|(n, mut candidate)| {
            candidate.id = format!("agt_{n:026}").parse().unwrap();
            candidate
        });
    DispatchInput { candidates: candidates.collect(), ..input.clone() }
}

/// The Rego files of every folder within this one.
fn read(root: &std::path::Path) -> Bundle {
    let folders =
        std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path()).filter(|path| path.is_dir());
    let files =
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
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
