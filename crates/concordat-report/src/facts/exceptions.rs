//! Exceptions and overrides: where people went past what is usual, until when, and what became of it.

use std::collections::BTreeMap;

use concordat_model::digest::Digest;
use concordat_model::policy_book::{PolicyEvent, Withdrawal};
use concordat_model::run::event::{Cause, Event, Origin};
use jiff::Timestamp;

use super::contracts::{figure, grouped};
use super::listed::{Listed, cut, short};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::{Ranges, Tally};
use crate::report::{Basis, Row, Section, Table, Value};

const BROKEN: &str = "type=policy.promoted data.break_glass";
const OVERRIDES: &str = "type=override.*";
const ORDERED: &str = "type=contract.paused|contract.resumed|contract.extended|agent.suspended|agent.restored|agent.placed|agent.revised|agent.declined|key.revoked|override.used";

pub(super) const QUERIES: &[&str] = &[BROKEN, OVERRIDES];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[("exceptions.by_order", ORDERED, &["type", "data.by"])];

/// What went past the usual.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    broken: Vec<Broken>,
    open: BTreeMap<Digest, usize>,
    orders: Listed,
}

/// A policy that was brought into force without the usual proofs.
#[derive(Debug)]
struct Broken {
    index: u64,
    time: String,
    revision: Digest,
    by: String,
    reason: String,
    expires: Timestamp,
    became: Option<String>,
}

impl Exceptions {
    /// What people ordered for a run.
    pub(super) fn run(&mut self, entry: &Entry<'_>, event: &Event) {
        let (what, by, reason) = match event {
            Event::Paused { by, reason, .. } => ("paused", by.to_string(), reason.clone()),
            Event::Resumed { by, reason, .. } => ("resumed", by.to_string(), reason.clone()),
            Event::Extended { by, reason, deadline, .. } => {
                ("deadline put off", by.to_string(), format!("to {deadline}: {reason}"))
            }
            Event::Closing { cause: Cause::Cancelled { by, reason, .. } } => {
                ("cancelled", by.to_string(), reason.clone())
            }
            Event::Closing { cause: Cause::Killed { by, reason, .. } } => {
                ("killed", by.to_string(), reason.clone())
            }
            Event::Received { origin: Origin::Retried { run, from, reason }, submitter, .. } => {
                ("tried again", submitter.name.to_string(), format!("{run} from {from}: {reason}"))
            }
            _ => return,
        };
        self.orders.push(entry, [what.to_owned(), entry.record.subject().to_owned(), by, cut(&reason)]);
    }

    /// What people did elsewhere.
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        match entry.record.kind() {
            kind if kind.starts_with("policy.") => self.policy(entry),
            kind @ ("agent.suspended" | "agent.restored" | "agent.placed" | "agent.revised"
            | "agent.declined" | "key.revoked") => {
                let text = |pointer| entry.text(pointer).unwrap_or_default();
                let (by, reason) = (text("/by").to_owned(), cut(text("/reason")));
                let order = format!("{} {}", kind.replace('.', " "), text("/to"));
                let subject = entry.record.subject().to_owned();
                self.orders.push(entry, [order.trim_end().to_owned(), subject, by, reason]);
            }
            kind if kind.starts_with("override.") => {
                let text = |pointer| entry.text(pointer).unwrap_or_default();
                let (by, reason) = (text("/by").to_owned(), cut(text("/reason")));
                self.orders
                    .push(entry, ["override".to_owned(), entry.record.subject().to_owned(), by, reason]);
            }
            _ => {}
        }
    }

    fn policy(&mut self, entry: &Entry<'_>) {
        match entry.data() {
            Some(PolicyEvent::Promoted { revision, by, reason, break_glass: Some(expires), .. }) => {
                self.open.insert(revision, self.broken.len());
                self.broken.push(Broken {
                    index: entry.index,
                    time: entry.record.time().to_owned(),
                    revision,
                    by: by.to_string(),
                    reason: cut(&reason),
                    expires,
                    became: None,
                });
            }
            Some(PolicyEvent::Promoted { revision, by, break_glass: None, .. }) => {
                self.settle(&revision, format!("confirmed by {by} at leaf {}", entry.index));
            }
            Some(
                PolicyEvent::RolledBack { revision, cause, .. } | PolicyEvent::Withdrawn { revision, cause },
            ) => {
                let why = match cause {
                    Withdrawal::Expired => "ended on time".to_owned(),
                    Withdrawal::Person { by, .. } => format!("taken back by {by}"),
                    Withdrawal::Disagreed { .. } | Withdrawal::Failed { .. } => {
                        "taken back by itself".to_owned()
                    }
                };
                self.settle(&revision, format!("{why} at leaf {}", entry.index));
            }
            _ => {}
        }
    }

    fn settle(&mut self, revision: &Digest, became: String) {
        if let Some(broken) = self.open.remove(revision).and_then(|at| self.broken.get_mut(at)) {
            broken.became = Some(became);
        }
    }

    pub(super) fn section(&self, counts: &Counts, now: Option<Timestamp>) -> Section {
        let overdue =
            |broken: &&Broken| broken.became.is_none() && now.is_some_and(|now| now > broken.expires);
        let mut late = Tally::default();
        self.broken.iter().filter(overdue).for_each(|broken| late.hit(broken.index));
        let rule = "break_glass is before the last record of the period, and no policy.promoted without it, \
                    policy.rolled_back or policy.withdrawn of the same data.revision came after";
        let basis = Basis {
            query: BROKEN.to_owned(),
            of: Some(BROKEN.to_owned()),
            rule: Some(rule),
            leaves: late.leaves.clone(),
        };
        let figures = vec![
            counts.figure(
                "exceptions.broken",
                "Policies brought into force past the usual proofs (breaking the glass)",
                BROKEN,
                "",
            ),
            figure(
                "exceptions.overdue",
                "Of these, expired and still in force",
                Value::part(late.count, self.broken.len() as u64),
                basis,
            ),
            counts.figure("exceptions.overrides", "Overrides", OVERRIDES, ""),
        ];
        Section {
            id: "exceptions",
            title: "Exceptions and overrides",
            about: "Where people went past what is usual: policies in force without the usual proofs, each with its \
                    expiry, and orders to single contracts, agents and keys.",
            figures,
            charts: Vec::new(),
            tables: vec![
                self.exceptions(now),
                self.orders.table(
                    "exceptions.orders",
                    "Orders of people",
                    &["order", "to", "by", "reason"],
                    "type=contract.paused|contract.resumed|contract.extended|contract.closing|contract.received|agent.suspended|agent.restored|agent.placed|agent.revised|agent.declined|key.revoked|override.*",
                    Some("of contract.closing those with data.cause.kind=cancelled|killed, of contract.received those with data.origin.kind=retried"),
                ),
                grouped(
                    counts,
                    "exceptions.by_order",
                    "Orders by person",
                    vec!["order", "by", "orders"],
                    ORDERED,
                ),
            ],
            ..Section::default()
        }
    }

    fn exceptions(&self, now: Option<Timestamp>) -> Table {
        let row = |broken: &Broken| {
            let became = match (&broken.became, now) {
                (Some(became), _) => became.clone(),
                (None, Some(now)) if now > broken.expires => "EXPIRED AND STILL IN FORCE".to_owned(),
                (None, _) => "runs".to_owned(),
            };
            let mut leaves = Ranges::default();
            leaves.add(broken.index);
            let cells = vec![
                broken.index.to_string(),
                broken.time.clone(),
                short(broken.revision),
                broken.by.clone(),
                broken.expires.to_string(),
                became,
                broken.reason.clone(),
            ];
            Row { cells, query: None, leaves }
        };
        Table {
            id: "exceptions.list",
            title: "Policies in force past the usual proofs".to_owned(),
            columns: vec!["leaf", "time", "revision", "by", "expires", "became", "reason"],
            rows: self.broken.iter().map(row).collect(),
            total: self.broken.len() as u64,
            query: BROKEN.to_owned(),
            rule: None,
        }
    }
}
