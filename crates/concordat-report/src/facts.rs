//! The fold: records in, what a report says out.
//!
//! Each room below folds one subject and writes one section. They share the runs that are open, because whose contract
//! it is stands only in the first record of a run; what is over is forgotten, and only counted.

mod access;
mod completeness;
mod contracts;
mod decisions;
mod duties;
mod exceptions;
mod health;
mod listed;
mod metrics;
mod policies;
mod reviews;
mod runs;
mod timeline;
mod trust;
mod work;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::counts::Counts;
use crate::entry::Entry;
use crate::query::BadQuery;
use crate::ranges::Tally;
use crate::report::{Scope, Section};
pub use policies::Published;
use runs::Runs;

/// What is known of the stored input of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Nobody looked.
    Unknown,
    /// It is stored.
    Stored,
    /// It was forgotten, and the log says so.
    Forgotten,
    /// It is not stored, and nothing says why.
    Missing,
}

/// What a report's reader wants judged how.
#[derive(Debug, Clone, Copy)]
pub struct Measures {
    /// Approvals after less than so many milliseconds are called quick.
    pub quick_ms: u64,
    /// How often somebody must have answered before "approved everything" is a sign of anything.
    pub enough_answers: u64,
    /// Between two heartbeats there are so many seconds.
    pub heartbeat_s: u64,
}

impl Default for Measures {
    fn default() -> Measures {
        Measures { quick_ms: 10_000, enough_answers: 5, heartbeat_s: 60 }
    }
}

/// Every fact of a report, folded from records in the order of the log.
#[derive(Debug)]
pub struct Facts {
    counts: Counts,
    measures: Measures,
    span: SpanOfTime,
    runs: Runs,
    contracts: contracts::Contracts,
    decisions: decisions::Decisions,
    work: work::WorkDone,
    reviews: reviews::Reviews,
    policies: policies::Policies,
    trust: trust::TrustMoves,
    duties: duties::Duties,
    exceptions: exceptions::Exceptions,
    completeness: completeness::Completeness,
    health: health::Health,
    access: access::Reads,
}

/// Where and when the records are.
#[derive(Debug, Default)]
struct SpanOfTime {
    all: Tally,
    first: Option<(u64, Timestamp)>,
    last: Option<(u64, Timestamp)>,
    sources: BTreeSet<String>,
}

/// The query that every record answers to.
const EVERYTHING: &str = "";

impl Facts {
    /// Begins, counting these queries beside what every report counts.
    ///
    /// # Errors
    /// A text that is not a query.
    pub fn new<'a>(
        queries: impl IntoIterator<Item = &'a str>,
        measures: Measures,
    ) -> Result<Facts, BadQuery> {
        let mut counts = Counts::default();
        let own = [
            &[EVERYTHING][..],
            contracts::QUERIES,
            decisions::QUERIES,
            work::QUERIES,
            reviews::QUERIES,
            policies::QUERIES,
            trust::QUERIES,
            duties::QUERIES,
            exceptions::QUERIES,
            health::QUERIES,
            access::QUERIES,
        ];
        for query in own.into_iter().flatten().copied().chain(queries) {
            counts.ask(query)?;
        }
        let groups = [
            contracts::GROUPS,
            decisions::GROUPS,
            work::GROUPS,
            exceptions::GROUPS,
            trust::GROUPS,
            access::GROUPS,
        ];
        for (name, base, paths) in groups.into_iter().flatten() {
            counts.group(name, base, paths)?;
        }
        Ok(Facts {
            counts,
            measures,
            span: SpanOfTime::default(),
            runs: Runs::default(),
            contracts: contracts::Contracts::default(),
            decisions: decisions::Decisions::default(),
            work: work::WorkDone::default(),
            reviews: reviews::Reviews::default(),
            policies: policies::Policies::default(),
            trust: trust::TrustMoves::default(),
            duties: duties::Duties::default(),
            exceptions: exceptions::Exceptions::default(),
            completeness: completeness::Completeness::default(),
            health: health::Health::default(),
            access: access::Reads::default(),
        })
    }

    /// Takes the next record in.
    pub fn add(&mut self, entry: &Entry<'_>, input: Input) {
        self.span.note(entry);
        self.counts.note(entry);
        self.health.note(entry, self.measures);
        self.access.note(entry);
        let event = self.runs.open(entry);
        self.completeness.note(entry, input, event.as_ref());
        if let Some(event) = &event {
            self.contracts.note(entry, event, &self.runs);
            self.decisions.note(entry, event, &self.runs);
            self.work.note(entry, event, &self.runs);
            self.reviews.note(entry, event, self.measures);
            self.duties.run(entry, event, &self.runs);
            self.exceptions.run(entry, event);
            self.completeness.run(entry, event, &self.runs);
        }
        if event.is_none()
            && entry.record.kind() == "gate.decided"
            && let Some(event) = entry.data()
        {
            self.decisions.seen(entry, &event);
        }
        self.policies.note(entry);
        self.trust.note(entry);
        self.duties.note(entry);
        self.exceptions.note(entry);
        self.runs.close(entry, event.as_ref());
    }

    /// How many records were taken in.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.span.all.count
    }

    /// Which records they were.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            first: self.span.first.map_or(0, |(index, _)| index),
            end: self.span.last.map_or(0, |(index, _)| index + 1),
            began: self.span.first.map(|(_, at)| format!("{at:.6}")),
            ended: self.span.last.map(|(_, at)| format!("{at:.6}")),
            sources: self.span.sources.iter().cloned().collect(),
            ..Scope::default()
        }
    }

    /// What was counted for a query that was asked for.
    #[must_use]
    pub fn tally(&self, query: &str) -> Tally {
        self.counts.tally(query)
    }

    /// The policies that were published, in the order of the log, as far as their changes are shown.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.policies.published
    }

    /// How many more there are.
    #[must_use]
    pub fn more_published(&self) -> u64 {
        self.policies.more
    }

    /// Every section, in the order of a general report.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let last = self.span.last.map(|(_, at)| at);
        let span_ms = match (self.span.first, self.span.last) {
            (Some((_, first)), Some((_, last))) => millis(first, last),
            _ => 0,
        };
        let mut sections = vec![
            self.contracts.section(&self.counts, &self.runs, span_ms),
            self.decisions.section(&self.counts),
            self.work.section(&self.counts),
            self.reviews.section(&self.counts, self.measures),
            self.policies.section(&self.counts),
            self.trust.section(&self.counts, &self.work),
            self.duties.section(&self.counts),
            self.exceptions.section(&self.counts, last),
            self.completeness.section(&self.counts, &self.runs, &self.health, &self.reviews),
            self.health.section(&self.counts, self.measures),
            self.access.section(&self.counts),
        ];
        sections.insert(0, metrics::section(&sections));
        sections
    }
}

impl SpanOfTime {
    fn note(&mut self, entry: &Entry<'_>) {
        self.all.hit(entry.index);
        self.first.get_or_insert((entry.index, entry.at));
        self.last = Some((entry.index, entry.at));
        if !self.sources.contains(entry.record.source()) {
            self.sources.insert(entry.record.source().to_owned());
        }
    }
}

/// The milliseconds between two moments; none when the second is before the first.
fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
