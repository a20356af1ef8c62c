//! How long it takes to classify, with the standard domains.
//!
//! `cargo run --release -p concordat-classify --example measure`

use std::time::{Duration, Instant};

use concordat_classify::{Classifier, ContractText, Error, Kind, MOST_TEXT};

const TYPICAL: &str = "Decide a loan application and leave nothing reserved if any part fails. Check the \
    applicant's credit history with two bureaus, assess the risk of default from income, existing debt and the \
    value of the collateral, and approve or decline within a day. Whoever is declined gets a letter with reasons.";

fn main() -> Result<(), Error> {
    let (load, classifier) = timed(20, Classifier::standard);
    let classifier = classifier?;
    report("load the standard domains", load);
    let passages = 2048 / TYPICAL.len();
    let typical = |_| {
        (0..passages).fold(ContractText::new(), |text, nth| {
            text.with(Kind::Requirement, format!("spec.requirements[{nth}]"), TYPICAL)
        })
    };
    report("a contract of 2 KB", timed(2000, || classifier.classify(&typical(()))).0);
    let plain =
        "the quick brown fox jumps over the lazy dog and then it does so again ".repeat(MOST_TEXT / 70);
    let keywords = "credit check credit risk treatment plan order order code ".repeat(MOST_TEXT / 57);
    let letters = "a ".repeat(MOST_TEXT / 2);
    for (what, text) in [
        ("64 KiB without a match", plain),
        ("64 KiB of keywords", keywords),
        ("64 KiB of one letter", letters),
    ] {
        let text = ContractText::new().with(Kind::Objective, "spec.objective", text);
        report(what, timed(50, || classifier.classify(&text)).0);
    }
    Ok(())
}

/// The median time of `rounds` calls, and the last answer.
fn timed<T>(rounds: usize, mut call: impl FnMut() -> T) -> (Duration, T) {
    let mut answer = call();
    let mut times: Vec<Duration> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        #[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
        let start = Instant::now();
        answer = call();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    (times.get(rounds / 2).copied().unwrap_or_default(), answer)
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn report(what: &str, time: Duration) {
    println!("{:>10.1} µs  {what}", time.as_secs_f64() * 1e6);
}
