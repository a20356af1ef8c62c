//! Rows that are shown up to a bound, and counted beyond it: nothing is left out silently.

use std::fmt::Display;

use crate::entry::Entry;
use crate::ranges::Ranges;
use crate::report::{Row, Table};

/// The most rows of a table. The query beside it finds the others.
const MOST_ROWS: usize = 500;
/// The most ids of a list of what is missing.
const MOST_IDS: usize = 200;

/// The rows of a table that has one for each of some records.
#[derive(Debug, Default)]
pub(super) struct Listed {
    rows: Vec<Row>,
    total: u64,
}

impl Listed {
    /// Adds a row about a record: its index, its time, and these cells.
    pub(super) fn push<const N: usize>(&mut self, entry: &Entry<'_>, cells: [String; N]) {
        self.total += 1;
        if self.rows.len() < MOST_ROWS {
            let start = [entry.index.to_string(), entry.record.time().to_owned()];
            let mut leaves = Ranges::default();
            leaves.add(entry.index);
            self.rows.push(Row { cells: start.into_iter().chain(cells).collect(), query: None, leaves });
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn leaves(&self) -> Ranges {
        let mut all = Ranges::default();
        self.rows.iter().for_each(|row| all.extend(&row.leaves));
        all
    }

    /// The rows as a table; `columns` are those after the index and the time.
    pub(super) fn table(
        &self,
        id: &'static str,
        title: &str,
        columns: &[&'static str],
        query: &str,
        rule: Option<&'static str>,
    ) -> Table {
        Table {
            id,
            title: title.to_owned(),
            columns: ["leaf", "time"].into_iter().chain(columns.iter().copied()).collect(),
            rows: self.rows.clone(),
            total: self.total,
            query: query.to_owned(),
            rule,
        }
    }
}

/// Ids of what is missing.
#[derive(Debug, Default, Clone)]
pub(super) struct Missing {
    ids: Vec<String>,
    total: u64,
    leaves: Ranges,
}

impl Missing {
    pub(super) fn push(&mut self, index: u64, id: impl Display) {
        self.total += 1;
        self.leaves.add(index);
        if self.ids.len() < MOST_IDS {
            self.ids.push(id.to_string());
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn leaves(&self) -> Ranges {
        self.leaves.clone()
    }

    /// The ids, and how many more there are.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids = self.ids.clone();
        let more = self.total - ids.len() as u64;
        if more > 0 {
            ids.push(format!("and {more} more"));
        }
        ids
    }
}

/// A digest as people compare it: its first twelve digits.
pub(super) fn short(digest: impl Display) -> String {
    let text = digest.to_string();
    text.strip_prefix("sha256:").unwrap_or(&text).chars().take(12).collect()
}

/// A text of at most so many characters.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
