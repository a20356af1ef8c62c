//! `policy test`: runs the Rego tests of a folder with the evaluator that a server has.
//!
//! The options are those of `opa test`, and so are the two forms for programs ([`formats`]).

mod formats;

use std::path::PathBuf;
use std::time::Duration;

use concordat_policy::Bundle;
use concordat_policy::testing::{self, Options, Results, Tested, Timed};
use regex::Regex;

use super::{bundle, wrong};
use crate::cli::caret::visible;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::percent;
use crate::cli::session::Session;

/// How often a watched folder is looked at.
const LOOK: Duration = Duration::from_millis(300);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    /// The folder; without it, the standard policy.
    folder: Option<PathBuf>,
    /// Run only tests whose package and name match this.
    #[arg(short, long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Name every test, not only those that fail.
    #[arg(short, long)]
    verbose: bool,
    /// Say which lines the tests reached.
    #[arg(long)]
    coverage: bool,
    /// Fail unless this share of the lines that decide is reached; reports coverage too.
    #[arg(long, value_name = "PERCENT", value_parser = hundredths)]
    threshold: Option<u16>,
    /// Say how long each test takes.
    #[arg(long)]
    bench: bool,
    /// The form of the report; `--output json` is `--format json`.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Run the tests again whenever a file changes.
    #[arg(short, long, requires = "folder")]
    watch: bool,
    /// The longest that one test may take.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// The form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// Sentences, for people.
    #[default]
    Human,
    /// What `opa test --format=json` prints, with more members.
    Json,
    /// What build servers read.
    Junit,
}

pub(super) async fn run(session: &Session, test: Test) -> Result<Exit, Failure> {
    if !test.watch {
        return once(session, &test, &bundle(test.folder.clone())?);
    }
    let mut last = None;
    loop {
        let now = bundle(test.folder.clone()).map_err(|failure| failure.to_string());
        if last.as_ref() != Some(&now) {
            let told = match &now {
                Ok(bundle) => once(session, &test, bundle).err().map(|failure| failure.to_string()),
                Err(failure) => Some(failure.clone()),
            };
            session.output.say(&told.unwrap_or_else(|| "waiting for a change; Ctrl-C ends this".to_owned()));
            last = Some(now);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn once(session: &Session, test: &Test, bundle: &Bundle) -> Result<Exit, Failure> {
    let started = tokio::time::Instant::now();
    let options = Options {
        keep: &|name| test.run.as_ref().is_none_or(|regex| regex.is_match(name)),
        timeout: Duration::from_secs(test.timeout),
        clock: &|| started.elapsed(),
    };
    let report = testing::report(bundle, &options).map_err(wrong)?;
    let timed = if test.bench { testing::bench(bundle, &options).map_err(wrong)? } else { Vec::new() };
    let format = if session.output.is_json() { Format::Json } else { test.format };
    session.output.data(&match format {
        Format::Human => human(test, &report, &timed),
        Format::Json => formats::json(test.covers().then_some(&report.coverage), &report.tested, &timed),
        Format::Junit => formats::junit(&report.tested),
    });
    if report.tested.is_empty() {
        session.output.say("there are no tests: write rules named `test_…` in files named `…_test.rego`");
    }
    let reached = report.coverage.share(decides);
    let missed = test.threshold.filter(|threshold| reached < *threshold);
    if let Some(threshold) = missed {
        session.output.say(&format!(
            "the tests reach {} of the lines that decide; {} are asked for",
            percent(reached),
            percent(threshold)
        ));
    }
    let holds = report.tested.iter().all(|one| one.failure.is_none()) && missed.is_none();
    Ok(if holds { Exit::Success } else { Exit::Negative })
}

impl Test {
    fn covers(&self) -> bool {
        self.coverage || self.threshold.is_some()
    }
}

fn decides(file: &str) -> bool {
    !file.ends_with("_test.rego")
}

fn human(test: &Test, report: &Results, timed: &[Timed]) -> String {
    let mut text = String::new();
    for one in &report.tested {
        match &one.failure {
            Some(failure) => text.push_str(&failed(one, failure)),
            None if test.verbose => {
                let word = if one.skipped { "todo" } else { "holds" };
                text.push_str(&format!("{}: {word} ({} us)\n", one.test, one.nanoseconds / 1000));
            }
            None => {}
        }
    }
    for one in timed {
        text.push_str(&format!("{}  {} runs, {} ns each\n", one.test, one.count, one.nanoseconds));
    }
    if test.covers() {
        for (file, lines) in report.coverage.files.iter().filter(|(file, _)| decides(file)) {
            let missed = ranges(lines.not_covered.iter().copied());
            let missed = if missed.is_empty() { missed } else { format!("  not reached: {missed}") };
            text.push_str(&format!("{file}  {}{missed}\n", percent(lines.share())));
        }
        text.push_str(&format!(
            "{} of the lines that decide are reached\n",
            percent(report.coverage.share(decides))
        ));
    }
    text.push_str(&count(&report.tested));
    text
}

fn failed(one: &Tested, failure: &str) -> String {
    let mut text = format!("{}: {}\n  {}:{}\n", one.test, visible(failure), one.file, one.line);
    if let Some(condition) = &one.condition {
        text.push_str(&format!("  {}:{}: {}\n", condition.file, condition.line, visible(&condition.text)));
        for valued in &condition.values {
            text.push_str(&format!("    {} is {}\n", visible(&valued.expression), visible(&valued.value)));
        }
    }
    for line in &one.printed {
        text.push_str(&format!("  printed {}\n", visible(line.trim_end())));
    }
    text
}

fn count(tested: &[Tested]) -> String {
    let failed = tested.iter().filter(|one| one.failure.is_some()).count();
    let todo = tested.iter().filter(|one| one.skipped).count();
    let todo = if todo == 0 { String::new() } else { format!(", {todo} to be written") };
    format!("{} tests, {failed} failed{todo}", tested.len())
}

/// Line numbers as people write them: `3-5, 9`.
fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let texts = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    texts.collect::<Vec<String>>().join(", ")
}

fn hundredths(text: &str) -> Result<u16, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at most 10,000")]
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok((percent * 100.0) as u16),
        _ => Err("write a percentage such as `90`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_in_ranges() {
        for (numbers, wanted) in [(&[][..], ""), (&[3], "3"), (&[3, 4, 5, 9], "3-5, 9")] {
            assert_eq!(ranges(numbers.iter().copied()), wanted);
        }
        assert_eq!(hundredths("82.5"), Ok(8250));
        assert!(hundredths("101").is_err() && hundredths("x").is_err());
    }
}
