//! Everything that is a plain count of records: by query, and by what stands at a path.

use std::collections::BTreeMap;

use crate::entry::Entry;
use crate::query::{BadQuery, Path, Query};
use crate::ranges::Tally;
use crate::report::{Basis, Figure, Row, Value};

/// Counts of records by query. Each record is put before the queries that name its type, and those that name none.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    tallies: BTreeMap<String, Tally>,
    of_kind: BTreeMap<String, Vec<Query>>,
    of_any: Vec<Query>,
    groups: Vec<Groups>,
}

/// The most different keys of one grouping; the others are counted together.
const MOST_KEYS: usize = 1000;
/// Under which the others are counted.
const OTHERS: &str = "(others)";

/// Records that answer to a query, counted by what stands at some paths.
#[derive(Debug)]
struct Groups {
    name: &'static str,
    base: Query,
    paths: Vec<Path>,
    keys: BTreeMap<Vec<String>, Tally>,
}

impl Counts {
    /// Counts this query too.
    pub(crate) fn ask(&mut self, query: &str) -> Result<(), BadQuery> {
        let query: Query = query.parse()?;
        if self.tallies.insert(query.text().to_owned(), Tally::default()).is_none() {
            match query.kind() {
                Some(kind) => self.of_kind.entry(kind.to_owned()).or_default().push(query),
                None => self.of_any.push(query),
            }
        }
        Ok(())
    }

    /// Counts by what stands at these paths too.
    pub(crate) fn group(&mut self, name: &'static str, base: &str, paths: &[&str]) -> Result<(), BadQuery> {
        let paths = paths.iter().map(|path| path.parse()).collect::<Result<_, _>>()?;
        self.groups.push(Groups { name, base: base.parse()?, paths, keys: BTreeMap::new() });
        Ok(())
    }

    pub(crate) fn note(&mut self, entry: &Entry<'_>) {
        let Counts { tallies, of_kind, of_any, groups } = self;
        let named = of_kind.get(entry.record.kind()).into_iter().flatten();
        for query in named.chain(of_any.iter()).filter(|query| query.matches(entry)) {
            if let Some(tally) = tallies.get_mut(query.text()) {
                tally.hit(entry.index);
            }
        }
        for group in groups.iter_mut() {
            group.note(entry);
        }
    }

    /// What was counted for a query.
    pub(crate) fn tally(&self, query: &str) -> Tally {
        self.tallies.get(query).cloned().unwrap_or_default()
    }

    /// How many were counted for a query.
    pub(crate) fn count(&self, query: &str) -> u64 {
        self.tallies.get(query).map_or(0, |tally| tally.count)
    }

    /// The count of a query, among the records of another.
    pub(crate) fn figure(&self, id: &str, label: &str, query: &str, among: &str) -> Figure {
        let tally = self.tally(query);
        let value = Value::count(tally.count, self.count(among));
        let basis = Basis { query: query.to_owned(), leaves: tally.leaves, ..Basis::default() };
        Figure { id: id.to_owned(), label: label.to_owned(), value, basis, missing: Vec::new() }
    }

    /// The count of a query as a part of the count of another.
    pub(crate) fn part(&self, id: &str, label: &str, query: &str, of: &str) -> Figure {
        let tally = self.tally(query);
        let value = Value::part(tally.count, self.count(of));
        let basis =
            Basis { query: query.to_owned(), of: Some(of.to_owned()), leaves: tally.leaves, rule: None };
        Figure { id: id.to_owned(), label: label.to_owned(), value, basis, missing: Vec::new() }
    }

    /// What was counted for each key of a grouping.
    pub(crate) fn groups(&self, name: &str) -> impl Iterator<Item = (&[String], &Tally)> {
        let found = self.groups.iter().find(|group| group.name == name);
        found.into_iter().flat_map(|group| group.keys.iter()).map(|(key, tally)| (key.as_slice(), tally))
    }

    /// A grouping as rows: the keys, the count; the largest count first.
    pub(crate) fn rows(&self, name: &str) -> Vec<Row> {
        let Some(group) = self.groups.iter().find(|group| group.name == name) else { return Vec::new() };
        let mut keys: Vec<_> = group.keys.iter().collect();
        keys.sort_by(|left, right| right.1.count.cmp(&left.1.count).then(left.0.cmp(right.0)));
        let row = |(key, tally): (&Vec<String>, &Tally)| {
            let cells = key.iter().cloned().chain([tally.count.to_string()]).collect();
            Row { cells, query: Some(group.query(key)), leaves: tally.leaves.clone() }
        };
        keys.into_iter().map(row).collect()
    }
}

impl Groups {
    fn note(&mut self, entry: &Entry<'_>) {
        if self.base.kind().is_some_and(|kind| kind != entry.record.kind()) || !self.base.matches(entry) {
            return;
        }
        let mut keys = vec![Vec::new()];
        for path in &self.paths {
            let texts = path.texts(entry);
            keys = keys
                .iter()
                .flat_map(|key: &Vec<String>| {
                    texts.iter().map(|text| key.iter().cloned().chain([text.clone()]).collect())
                })
                .collect();
        }
        for key in keys {
            let room = self.keys.len() < MOST_KEYS || self.keys.contains_key(&key);
            let key = if room { key } else { vec![OTHERS.to_owned(); self.paths.len()] };
            self.keys.entry(key).or_default().hit(entry.index);
        }
    }

    /// The query of one key. A value with a space in it cannot be asked for, so its row has the query of all.
    fn query(&self, key: &[String]) -> String {
        let mut query = self.base.text().to_owned();
        for (path, value) in self.paths.iter().zip(key) {
            if !value.contains([' ', '|', '*']) && value != OTHERS {
                query.push_str(&format!(" {path}={value}"));
            }
        }
        query
    }
}
