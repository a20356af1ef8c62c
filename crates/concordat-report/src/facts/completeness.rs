//! Completeness: do the records account for each other? Always n of N, with the ids of what is missing.
//!
//! What began before the period cannot be judged from its records alone, and is left out of both numbers.

use std::collections::BTreeMap;

use concordat_model::run::event::{Event, Reply};

use super::Input;
use super::contracts::figure;
use super::health::Health;
use super::listed::Missing;
use super::reviews::Reviews;
use super::runs::{Life, Runs};
use super::{contracts, decisions, reviews, work};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::Tally;
use crate::report::{Basis, Figure, Section, Value};

/// One reconciliation: how many were judged, and which do not fit.
#[derive(Debug, Default)]
struct Reconciled {
    judged: Tally,
    missing: Missing,
}

/// What was reconciled.
#[derive(Debug, Default)]
pub(super) struct Completeness {
    permits: Reconciled,
    dispatches: Reconciled,
    outcomes: Reconciled,
    unknown: u64,
    releases: Reconciled,
    inputs: Reconciled,
    forgotten: Tally,
    subjects: Reconciled,
    understood: Reconciled,
    /// The next number of each subject that may still get records.
    next: BTreeMap<String, u64>,
}

impl Reconciled {
    fn judge(&mut self, fits: bool, index: u64, id: impl std::fmt::Display) {
        self.judged.hit(index);
        if !fits {
            self.missing.push(index, id);
        }
    }

    fn figure(&self, id: &str, label: &str, query: &str, rule: &'static str) -> Figure {
        let basis =
            Basis { query: query.to_owned(), rule: Some(rule), leaves: self.judged.leaves.clone(), of: None };
        let value = Value::part(self.judged.count - self.missing.total(), self.judged.count);
        Figure { missing: self.missing.ids(), ..figure(id, label, value, basis) }
    }
}

impl Completeness {
    /// What holds for every record.
    pub(super) fn note(&mut self, entry: &Entry<'_>, input: Input, event: Option<&Event>) {
        let record = entry.record;
        let seq = record.subject_seq().get();
        let expected = self.next.get(record.subject()).copied();
        // A subject that the period meets in the middle began before it; it is followed from here on.
        let fits = expected.is_none_or(|expected| expected == seq);
        let before = match expected {
            Some(expected) => format!("{} {expected} to {}", record.subject(), seq.saturating_sub(1)),
            None => String::new(),
        };
        self.subjects.judge(fits, entry.index, before);
        if record.kind() == "contract.ended" {
            self.next.remove(record.subject());
        } else {
            self.next.insert(record.subject().to_owned(), seq + 1);
        }
        match input {
            Input::Unknown => {}
            Input::Forgotten => self.forgotten.hit(entry.index),
            Input::Stored | Input::Missing => {
                let id = entry.text("/decision/id").unwrap_or(record.id());
                self.inputs.judge(input == Input::Stored, entry.index, id);
            }
        }
        if record.subject().starts_with("run_") {
            self.understood.judge(event.is_some(), entry.index, record.id());
        }
    }

    /// What happened in a run.
    pub(super) fn run(&mut self, entry: &Entry<'_>, event: &Event, runs: &Runs) {
        let Some(life) = runs.of(entry) else { return };
        let whole = life.received.is_some();
        let run = entry.record.subject();
        match event {
            Event::Dispatched { decision, attempt, .. } | Event::Told { decision, attempt, .. } if whole => {
                let id = format!("{run} {} #{}", attempt.step, attempt.number);
                self.dispatches.judge(life.permits.contains_key(decision), entry.index, id);
                self.permits.judge(true, entry.index, "");
            }
            Event::Recalled { decision, .. } if whole && life.permits.contains_key(decision) => {
                self.permits.judge(true, entry.index, "");
            }
            Event::Answered { attempt, reply, .. } if life.flying.contains_key(attempt) => {
                self.outcomes.judge(true, entry.index, "");
                self.unknown += u64::from(matches!(reply, Reply::Unknown { .. } | Reply::Interrupted));
            }
            Event::Released { decision, attempt } if whole => {
                let id = format!("{run} {} #{}", attempt.step, attempt.number);
                self.releases.judge(life.releases.contains(decision), entry.index, id);
            }
            Event::Ended { .. } => self.ended(run, life),
            _ => {}
        }
    }

    /// What a run left behind when it ended.
    fn ended(&mut self, run: &str, life: &Life) {
        for (attempt, flying) in &life.flying {
            // An agent that asked did not do the work, and waits for nobody any longer.
            self.outcomes.judge(
                flying.asks,
                flying.index,
                format!("{run} {} #{}", attempt.step, attempt.number),
            );
        }
        for (decision, index) in &life.permits {
            self.permits.judge(false, *index, decision);
        }
    }

    pub(super) fn section(
        &self,
        counts: &Counts,
        runs: &Runs,
        health: &Health,
        reviews: &Reviews,
    ) -> Section {
        let figures = vec![
            ended(counts, runs),
            self.dispatches.figure(
                "completeness.dispatches",
                "Steps sent to agents, and answers that agents were told, that have their permit in the log",
                "type=step.dispatched|step.told",
                "data.decision is the id of an earlier gate.decided of the same subject with gate dispatch and answer permit",
            ),
            self.permits.figure(
                "completeness.permits",
                "Permits to dispatch that were used, of all in contracts that ended or used them",
                "type=gate.decided data.decision.gate=dispatch data.decision.answer.kind=permit",
                "a step.dispatched, step.told or step.recalled of the same subject names the decision; an unused permit is no breach, since nothing was sent",
            ),
            self.outcomes.figure(
                "completeness.outcomes",
                "Steps sent that have an outcome, of all that were answered or whose contract ended",
                work::DISPATCHED,
                "a step.answered of the same subject and attempt, or a step.asked without a step.told after it, stands between the dispatch and contract.ended",
            ),
            self.unknown(counts),
            self.releases.figure(
                "completeness.releases",
                "Results used that have their permit in the log",
                "type=step.released",
                "data.decision is the id of an earlier gate.decided of the same subject with gate release and answer permit",
            ),
            reviewed(counts, reviews),
            self.inputs.figure(
                "completeness.inputs",
                "Decisions whose input is stored, so that they can be asked again",
                decisions::DECIDED,
                "the payload named by data.decision.provenance.input is in the database; what was forgotten is left out; from records alone there is no evidence",
            ),
            self.forgotten(),
            self.subjects.figure(
                "completeness.subjects",
                "Records that follow the one before them of the same subject without a gap",
                "",
                "subjectseq is one more than that of the record before of the same subject, or is the first that the period has",
            ),
            self.understood.figure(
                "completeness.understood",
                "Records of contracts that this program understands",
                "subject=run_*",
                "data can be read as an event of a run",
            ),
            health.heartbeats(),
        ];
        Section {
            id: "completeness",
            title: "Completeness",
            about: "Whether the records account for each other. No log can show by itself that something was never \
                    written; these reconcile what must come in pairs, and name what has no partner.",
            figures,
            charts: Vec::new(),
            tables: Vec::new(),
            ..Section::default()
        }
    }

    fn forgotten(&self) -> Figure {
        let basis = Basis {
            query: decisions::DECIDED.to_owned(),
            rule: Some("an erasure.executed or retention.pruned names the subject among data.owners"),
            leaves: self.forgotten.leaves.clone(),
            of: None,
        };
        let value = Value::count(self.forgotten.count, self.forgotten.count + self.inputs.judged.count);
        figure("completeness.forgotten", "Decisions whose input was forgotten, as the log says", value, basis)
    }

    fn unknown(&self, _: &Counts) -> Figure {
        let basis = Basis {
            query: "type=step.answered data.reply.kind=unknown|interrupted".to_owned(),
            of: Some(work::DISPATCHED.to_owned()),
            rule: Some("answers whose dispatch is in the period"),
            ..Basis::default()
        };
        let value = Value::part(self.unknown, self.outcomes.judged.count);
        figure("completeness.unknown", "Of these, with an outcome that nobody knows", value, basis)
    }
}

/// Received and carried in must be ended and open.
fn ended(counts: &Counts, runs: &Runs) -> Figure {
    let mut missing = Missing::default();
    let mut lives: Vec<_> = runs.open.iter().collect();
    lives.sort_by_key(|(_, life)| life.seen);
    lives.into_iter().for_each(|(id, life)| missing.push(life.seen, id));
    let all = counts.count(contracts::RECEIVED) + runs.carried;
    let basis = Basis {
        query: contracts::ENDED.to_owned(),
        of: Some(contracts::RECEIVED.to_owned()),
        rule: Some(
            "of contracts received in the period, and those of which it has later records; the others are open",
        ),
        leaves: missing.leaves(),
    };
    let value = Value::part(all.saturating_sub(missing.total()), all);
    let label = "Contracts that came to an end, of all received or carried in; the others are open";
    Figure { missing: missing.ids(), ..figure("completeness.contracts", label, value, basis) }
}

/// Opened must be answered, lapsed, overtaken or open.
fn reviewed(counts: &Counts, all: &Reviews) -> Figure {
    let open = all.open();
    let opened = counts.count(reviews::OPENED);
    let basis = Basis {
        query: reviews::OPENED.to_owned(),
        rule: Some(
            "a review.answered or review.lapsed with the same data.review, or the contract.ended of the same subject, came after",
        ),
        leaves: open.leaves(),
        of: None,
    };
    let value = Value::part(opened.saturating_sub(open.total()), opened);
    let label = if all.overtaken() == 0 {
        "Reviews that were settled; the others are open".to_owned()
    } else {
        format!(
            "Reviews that were settled, {} of them by the end of their contract; the others are open",
            all.overtaken()
        )
    };
    Figure { missing: open.ids(), ..figure("completeness.reviews", &label, value, basis) }
}
