//! Contracts: how many came, what became of them, how long that took, and what it cost.

use std::collections::BTreeMap;

use concordat_model::run::event::{Cause, Ending, Event};

use super::listed::Missing;
use super::millis;
use super::runs::{Life, Runs};
use super::timeline::Timeline;
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::Tally;
use crate::report::{Bar, Basis, Chart, Figure, Row, Section, Table, Tone, Value};
use crate::spread::Spread;

pub(super) const RECEIVED: &str = "type=contract.received";
pub(super) const ENDED: &str = "type=contract.ended";
const COMPLETED: &str = "type=contract.ended data.ending.kind=completed";
const CLASSIFIED: &str = "type=contract.classified";
const ABSTAINED: &str = "type=contract.classified data.classification.verdict.kind=abstained";
const COSTED: &str = "type=step.dispatched data.cost";

pub(super) const QUERIES: &[&str] = &[RECEIVED, ENDED, COMPLETED, CLASSIFIED, ABSTAINED, COSTED];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[
    ("contracts.by_domain", CLASSIFIED, &["data.classification.verdict.domain"]),
    ("contracts.by_name", RECEIVED, &["data.name"]),
    ("contracts.by_cause", "type=contract.closing", &["data.cause.kind"]),
];

/// What became of contracts.
#[derive(Debug, Default)]
pub(super) struct Contracts {
    by_status: BTreeMap<&'static str, Tally>,
    lasted: Spread,
    lasted_leaves: Tally,
    costs: BTreeMap<String, (u64, Tally)>,
    line: Timeline<2>,
}

impl Contracts {
    pub(super) fn note(&mut self, entry: &Entry<'_>, event: &Event, runs: &Runs) {
        match event {
            Event::Ended { ending } => {
                let life = runs.of(entry);
                let status = status(ending, life.and_then(|life| life.cause.as_ref()));
                self.by_status.entry(status).or_default().hit(entry.index);
                let layer = usize::from(status != "completed");
                self.line.add(entry.at.as_second(), layer);
                if let Some((_, received)) = life.and_then(|life| life.received) {
                    self.lasted.add(millis(received, entry.at));
                    self.lasted_leaves.hit(entry.index);
                }
            }
            Event::Dispatched { cost: Some(cost), .. } => {
                let (micros, tally) = self.costs.entry(cost.currency().to_owned()).or_default();
                *micros = micros.saturating_add(cost.micros());
                tally.hit(entry.index);
            }
            _ => {}
        }
    }

    pub(super) fn section(&self, counts: &Counts, runs: &Runs, span_ms: u64) -> Section {
        let mut figures = vec![
            counts.figure("contracts.received", "Contracts received", RECEIVED, ""),
            counts.figure("contracts.ended", "Contracts that came to an end", ENDED, ""),
            counts.part("contracts.completed", "Completed, of all that ended", COMPLETED, ENDED),
            open(counts, runs),
            counts.part(
                "contracts.abstained",
                "Not classified: the classifier abstained",
                ABSTAINED,
                CLASSIFIED,
            ),
            self.lasted(),
            throughput(counts, span_ms),
        ];
        figures.extend(self.costs(counts.count(ENDED)));
        Section {
            id: "contracts",
            title: "Contracts",
            about: "Every contract that was taken in, and what became of it. A contract that was received before the \
                    period and shows up in it counts as carried in.",
            figures,
            charts: self.charts(),
            tables: self.tables(counts),
            ..Section::default()
        }
    }

    fn lasted(&self) -> Figure {
        figure(
            "contracts.latency",
            "From receipt to end",
            times(&self.lasted),
            Basis {
                query: ENDED.to_owned(),
                rule: Some(
                    "the time of contract.ended less the time of contract.received of the same subject, where both are in the period",
                ),
                leaves: self.lasted_leaves.leaves.clone(),
                of: None,
            },
        )
    }

    fn costs(&self, ended: u64) -> Vec<Figure> {
        let rule = Some("the sum of data.cost by currency, over the contracts that ended");
        let one = |(currency, (micros, tally)): (&String, &(u64, Tally))| {
            let cost = Value::Cost { micros: *micros, currency: currency.clone(), contracts: ended };
            let value = if ended == 0 { Value::NoEvidence } else { cost };
            let basis = Basis {
                query: COSTED.to_owned(),
                of: Some(ENDED.to_owned()),
                rule,
                leaves: tally.leaves.clone(),
            };
            figure(
                &format!("contracts.cost.{currency}"),
                &format!("Cost per contract in {currency}"),
                value,
                basis,
            )
        };
        if self.costs.is_empty() {
            let basis =
                Basis { query: COSTED.to_owned(), of: Some(ENDED.to_owned()), rule, ..Basis::default() };
            return vec![figure("contracts.cost", "Cost per contract", Value::NoEvidence, basis)];
        }
        self.costs.iter().map(one).collect()
    }

    fn charts(&self) -> Vec<Chart> {
        let tone = |status: &str| match status {
            "completed" => Tone::Good,
            "cancelled" | "rejected" | "undone" => Tone::Warn,
            "denied" | "failed" | "killed" => Tone::Bad,
            _ => Tone::Plain,
        };
        let bar = |(status, tally): (&&'static str, &Tally)| Bar {
            label: (*status).to_owned(),
            count: tally.count,
            tone: tone(status),
        };
        let bars: Vec<_> = self.by_status.iter().map(bar).collect();
        let bars =
            (!bars.is_empty()).then(|| Chart::Bars { title: "Contracts by how they ended".to_owned(), bars });
        let line = self.line.chart(
            "Contracts that ended, over time",
            [("completed", Tone::Good), ("ended otherwise", Tone::Bad)],
        );
        bars.into_iter().chain(line).collect()
    }

    fn tables(&self, counts: &Counts) -> Vec<Table> {
        let status = |(status, tally): (&&'static str, &Tally)| Row {
            cells: vec![(*status).to_owned(), tally.count.to_string()],
            query: None,
            leaves: tally.leaves.clone(),
        };
        let rows: Vec<Row> = self.by_status.iter().map(status).collect();
        let by_status = Table {
            id: "contracts.by_status",
            title: "By how they ended".to_owned(),
            columns: vec!["status", "contracts"],
            total: rows.len() as u64,
            rows,
            query: ENDED.to_owned(),
            rule: Some(
                "data.ending of contract.ended with data.cause of the contract.closing before it: denied, rejected, cancelled and killed are causes; else undone when something was undone and nothing was left, else failed",
            ),
        };
        vec![
            by_status,
            grouped(
                counts,
                "contracts.by_domain",
                "By classified domain",
                vec!["domain", "contracts"],
                CLASSIFIED,
            ),
            grouped(counts, "contracts.by_name", "By contract", vec!["contract", "received"], RECEIVED),
            grouped(
                counts,
                "contracts.by_cause",
                "Why they stopped early",
                vec!["cause", "contracts"],
                "type=contract.closing",
            ),
        ]
    }
}

/// A grouping as a table.
pub(super) fn grouped(
    counts: &Counts,
    id: &'static str,
    title: &str,
    columns: Vec<&'static str>,
    query: &str,
) -> Table {
    let rows = counts.rows(id);
    Table {
        id,
        title: title.to_owned(),
        columns,
        total: rows.len() as u64,
        rows,
        query: query.to_owned(),
        rule: None,
    }
}

/// A figure.
pub(super) fn figure(id: &str, label: &str, value: Value, basis: Basis) -> Figure {
    Figure { id: id.to_owned(), label: label.to_owned(), value, basis, missing: Vec::new() }
}

/// Times as a value.
pub(super) fn times(spread: &Spread) -> Value {
    if spread.count() == 0 {
        return Value::NoEvidence;
    }
    Value::Times {
        count: spread.count(),
        median_ms: spread.quantile(50),
        p95_ms: spread.quantile(95),
        p99_ms: spread.quantile(99),
        longest_ms: spread.longest(),
        mean_ms: spread.mean(),
    }
}

fn open(counts: &Counts, runs: &Runs) -> Figure {
    let mut open = Missing::default();
    let mut lives: Vec<(&String, &Life)> = runs.open.iter().collect();
    lives.sort_by_key(|(_, life)| life.seen);
    for (id, life) in lives {
        open.push(life.seen, id);
    }
    let basis = Basis {
        query: RECEIVED.to_owned(),
        rule: Some("subjects that begin with run_ and have no contract.ended in the period"),
        leaves: open.leaves(),
        of: None,
    };
    let value = Value::count(open.total(), counts.count(RECEIVED) + runs.carried);
    Figure { missing: open.ids(), ..figure("contracts.open", "Open at the end of the period", value, basis) }
}

fn throughput(counts: &Counts, span_ms: u64) -> Figure {
    let ended = counts.tally(ENDED);
    let rate = Value::Rate { count: ended.count, over_ms: span_ms };
    let value = if ended.count == 0 || span_ms == 0 { Value::NoEvidence } else { rate };
    let rule = Some("over the time from the first record of the period to the last");
    let basis = Basis { query: ENDED.to_owned(), of: None, rule, leaves: ended.leaves };
    figure("contracts.throughput", "Contracts that ended, over the time of the records", value, basis)
}

/// How a run ended, in the words that the API uses.
fn status(ending: &Ending, cause: Option<&Cause>) -> &'static str {
    match (ending, cause) {
        (Ending::Completed { .. }, _) => "completed",
        (_, Some(Cause::Denied { .. })) => "denied",
        (_, Some(Cause::Rejected { .. })) => "rejected",
        (_, Some(Cause::Cancelled { .. } | Cause::Around { at_once: false, .. })) => "cancelled",
        (_, Some(Cause::Killed { .. } | Cause::Around { at_once: true, .. })) => "killed",
        (Ending::Stopped { undone, not_undone }, _) => {
            if undone.is_empty() || !not_undone.is_empty() {
                "failed"
            } else {
                "undone"
            }
        }
    }
}
