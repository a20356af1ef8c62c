//! Which lines were evaluated, file by file, in the shape that `opa test --coverage` prints.
//!
//! A line counts as covered when something on it was evaluated, whatever came of it.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Engine;
use serde::Serialize;

/// Lines by file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Each file that holds rules.
    pub files: BTreeMap<String, Lines>,
}

/// The lines of one file that can be evaluated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// Those that were.
    pub covered: BTreeSet<u32>,
    /// Those that were not.
    pub not_covered: BTreeSet<u32>,
}

impl Lines {
    /// Covered lines in hundredths of a percent of all.
    #[must_use]
    pub fn share(&self) -> u16 {
        share(self.covered.len(), self.not_covered.len())
    }
}

impl Coverage {
    /// Covered lines in hundredths of a percent of all, over the files that are kept.
    #[must_use]
    pub fn share(&self, keep: impl Fn(&str) -> bool) -> u16 {
        let kept = || self.files.iter().filter(|(file, _)| keep(file)).map(|(_, lines)| lines);
        share(
            kept().map(|lines| lines.covered.len()).sum(),
            kept().map(|lines| lines.not_covered.len()).sum(),
        )
    }

    /// Adds what an engine has evaluated.
    pub(crate) fn add(&mut self, engine: &Engine) {
        let Ok(report) = engine.get_coverage_report() else { return };
        for file in report.files {
            let lines = self.files.entry(file.path).or_default();
            lines.covered.extend(&file.covered);
            lines.not_covered.extend(&file.not_covered);
            lines.not_covered.retain(|line| !lines.covered.contains(line));
        }
    }

    /// Adds the files of which nothing was evaluated: a report leaves them out.
    pub(crate) fn add_untouched(&mut self, engine: &Engine) {
        for source in engine.get_policies().unwrap_or_default() {
            if self.files.contains_key(source.get_path()) {
                continue;
            }
            let mut lines = Lines::default();
            lines.not_covered.extend(evaluable(source.get_contents()));
            self.files.insert(source.get_path().clone(), lines);
        }
    }
}

/// The lines that hold more than a comment, a bracket or a declaration; near enough for a file that nothing reached.
fn evaluable(text: &str) -> impl Iterator<Item = u32> {
    let counts = |line: &str| {
        let line = line.trim();
        let declares = ["#", "package ", "import "].iter().any(|start| line.starts_with(start));
        line.chars().any(char::is_alphanumeric) && !declares
    };
    (1..).zip(text.lines()).filter(move |(_, line)| counts(line)).map(|(number, _)| number)
}

fn share(covered: usize, not_covered: usize) -> u16 {
    let all = covered + not_covered;
    let share = (covered * 10_000).checked_div(all).unwrap_or(10_000);
    u16::try_from(share).unwrap_or(10_000)
}
