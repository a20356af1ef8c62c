//! Making a report: which records are read, in which order, and what is written.
//!
//! The records come from a [`Source`]: a database without a server, or the server's own store. Everything is read in
//! one pass, and a pack reads the records a second time when it writes them. The records must have the root that the
//! checkpoint says, or nothing is made: a report of other records than those that were signed is worth nothing.

mod changes;
mod evidence;
mod gather;
mod not_made;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;

use concordat_ledger::tree::{Hash, Node};
use concordat_ledger::{Checkpoint, Frontier, Record};
use concordat_model::digest::Digest;

use crate::entry::Entry;
use crate::facts::{Facts, Input};
use crate::report::{Report, Signed};
use crate::rows::Rows;
use gather::Gathered;

pub use not_made::NotMade;
pub use order::{Form, Order};

/// Where records come from.
#[expect(
    async_fn_in_trait,
    reason = "each caller knows its source, and none is handed around as a trait object"
)]
pub trait Source {
    /// What goes wrong when it is read.
    type Error: Display;

    /// The smallest range of records that holds every one whose time is at or after `from` and before `to`.
    async fn within(
        &mut self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Option<Range<u64>>, Self::Error>;

    /// The smallest checkpoint of at least so many records.
    async fn checkpoint_from(&mut self, size: u64) -> Result<Option<String>, Self::Error>;

    /// Records from this index on: at least one, and none at or after `until`.
    async fn records(&mut self, from: u64, until: u64) -> Result<Vec<Record>, Self::Error>;

    /// Which of these payloads are stored.
    async fn stored(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, Self::Error>;

    /// Whether the log says that this owner's payloads were forgotten.
    async fn forgotten(&mut self, owner: &str) -> Result<bool, Self::Error>;

    /// A payload.
    async fn payload(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The hashes of these nodes of the tree over the first `size` records.
    async fn nodes(&mut self, nodes: &[Node], size: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The index of the first record.
    pub first: u64,
    /// The index after the last record.
    pub end: u64,
    /// The root of the checkpoint, if there is one.
    pub root: Option<String>,
}

/// Makes what was ordered, and tells how many of how many records were read.
///
/// # Errors
/// Why nothing was made; what was written until then is worth nothing.
pub async fn make<S: Source>(
    source: &mut S,
    order: &Order,
    out: &mut (impl Write + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Made, NotMade> {
    let found = failed(source.within(order.from.as_deref(), order.to.as_deref()).await)?;
    let range = found.unwrap_or(0..0);
    let signed = signed(source, order, &range).await?;
    let end = signed.as_ref().map_or(range.end, Checkpoint::size);
    let period = Period { range: range.start..end, signed };
    let mut making = Making { source, order, period, progress };
    match order.form {
        Form::JsonLines | Form::RecordsCsv | Form::Parquet => making.rows(out).await?,
        Form::Pack => making.pack(out).await?,
        Form::Html | Form::Pdf | Form::Json | Form::Csv => {
            let (report, _) = making.report().await?;
            out.write_all(&rendered(&report, order.form)?)?;
        }
    }
    let Period { range, signed } = making.period;
    Ok(Made { first: range.start, end: range.end, root: signed.map(|signed| signed.root().to_string()) })
}

/// The records that the report is about.
struct Period {
    range: Range<u64>,
    signed: Option<Checkpoint>,
}

/// The smallest checkpoint that covers the period.
async fn signed<S: Source>(
    source: &mut S,
    order: &Order,
    range: &Range<u64>,
) -> Result<Option<Checkpoint>, NotMade> {
    if range.is_empty() {
        return Ok(None);
    }
    let note = failed(source.checkpoint_from(range.end).await)?;
    let open = |note: String| Checkpoint::open(note.as_bytes(), &order.keys).map_err(NotMade::Checkpoint);
    note.map(open).transpose()
}

fn failed<T, E: Display>(read: Result<T, E>) -> Result<T, NotMade> {
    read.map_err(|error| NotMade::Source(error.to_string()))
}

fn rendered(report: &Report, form: Form) -> Result<Vec<u8>, NotMade> {
    let json = || {
        let mut text = serde_json::to_vec_pretty(report).map_err(io::Error::from)?;
        text.push(b'\n');
        Ok(text)
    };
    match form {
        Form::Html => Ok(crate::html::page(report).into_bytes()),
        Form::Csv => crate::csv::report(report).map_err(|error| io::Error::other(error).into()),
        Form::Pdf => crate::pdf::paper(report).map_err(NotMade::Draw),
        Form::Json | Form::JsonLines | Form::RecordsCsv | Form::Parquet | Form::Pack => json(),
    }
}

struct Making<'a, S> {
    source: &'a mut S,
    order: &'a Order,
    period: Period,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

impl<S: Source> Making<'_, S> {
    /// Reads the records once, and makes the report of them.
    async fn report(&mut self) -> Result<(Report, Gathered), NotMade> {
        let mut facts = self.order.template.facts()?;
        let mut gathered = Gathered::new(self.order.payloads);
        let mut tree = self.edge().await?;
        let mut at = self.period.range.start;
        while let Some(records) = self.batch(&mut at).await? {
            let first = at - records.len() as u64;
            let entries: Vec<Entry<'_>> = (first..)
                .zip(&records)
                .map(|(index, record)| Entry::read(index, record))
                .collect::<Result<_, _>>()?;
            self.fold(&mut facts, &entries).await?;
            for entry in &entries {
                tree.append(entry.record.leaf());
                gathered.note(entry);
            }
            self.tell(at);
        }
        self.compare(&tree)?;
        let mut scope = facts.scope();
        (scope.from, scope.to) = (self.order.from.clone(), self.order.to.clone());
        scope.checkpoint = self.period.signed.as_ref().map(|signed| Signed {
            origin: signed.origin().to_owned(),
            size: signed.size(),
            root: signed.root().to_string(),
            keys: self.order.keys.iter().map(ToString::to_string).collect(),
            note: signed.note().to_owned(),
        });
        let mut report = self.order.template.report(&facts, scope);
        self.changes(&facts, &mut report).await?;
        Ok((report, gathered))
    }

    /// The records from `at` on, which it moves behind them; nothing when all were read.
    async fn batch(&mut self, at: &mut u64) -> Result<Option<Vec<Record>>, NotMade> {
        let Range { start, end } = self.period.range;
        if *at >= end {
            return Ok(None);
        }
        let records = failed(self.source.records(*at, end).await)?;
        if records.is_empty() {
            return Err(NotMade::Root { first: start, end });
        }
        *at += records.len() as u64;
        Ok(Some(records))
    }

    fn tell(&mut self, at: u64) {
        let Range { start, end } = self.period.range;
        (self.progress)(at - start, end - start);
    }

    async fn fold(&mut self, facts: &mut Facts, entries: &[Entry<'_>]) -> Result<(), NotMade> {
        let input = |entry: &Entry<'_>| -> Option<Digest> {
            (entry.record.kind() == "gate.decided")
                .then(|| entry.text("/decision/provenance/input")?.parse().ok())
                .flatten()
        };
        let wanted: BTreeSet<Digest> = entries.iter().filter_map(input).collect();
        let stored =
            if wanted.is_empty() { BTreeSet::new() } else { failed(self.source.stored(&wanted).await)? };
        let mut forgotten = BTreeMap::new();
        for entry in entries {
            let owner = entry.record.subject();
            let input = match input(entry) {
                None => Input::Unknown,
                Some(digest) if stored.contains(&digest) => Input::Stored,
                Some(_) => {
                    let known = match forgotten.get(owner) {
                        Some(known) => *known,
                        None => failed(self.source.forgotten(owner).await)?,
                    };
                    forgotten.insert(owner, known);
                    if known { Input::Forgotten } else { Input::Missing }
                }
            };
            facts.add(entry, input);
        }
        Ok(())
    }

    /// The tree before the first record.
    async fn edge(&mut self) -> Result<Frontier, NotMade> {
        let first = self.period.range.start;
        if first == 0 {
            return Ok(Frontier::new());
        }
        let peaks = failed(self.source.nodes(&Frontier::nodes(first), first).await)?;
        Ok(Frontier::resume(first, peaks)?)
    }

    /// Whether the records are those that were signed.
    fn compare(&self, tree: &Frontier) -> Result<(), NotMade> {
        let Range { start, end } = self.period.range;
        match &self.period.signed {
            Some(signed) if signed.root() != tree.root() => Err(NotMade::Root { first: start, end }),
            _ => Ok(()),
        }
    }

    /// Writes the records one by one.
    async fn rows(&mut self, out: &mut (impl Write + Send)) -> Result<(), NotMade> {
        let mut tree = self.edge().await?;
        let mut rows = Rows::begin(out, self.order.form)?;
        let mut at = self.period.range.start;
        while let Some(records) = self.batch(&mut at).await? {
            let first = at - records.len() as u64;
            for (index, record) in (first..).zip(&records) {
                rows.write(index, record)?;
                tree.append(record.leaf());
            }
            self.tell(at);
        }
        rows.finish()?;
        self.compare(&tree)
    }
}

#[cfg(test)]
mod tests;
