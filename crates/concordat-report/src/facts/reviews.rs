//! Reviews: what people were asked, how long they took, and whether they looked.

use std::collections::BTreeMap;

use concordat_model::id::ReviewId;
use concordat_model::run::event::{Event, Verdict};
use jiff::Timestamp;

use super::contracts::{figure, times};
use super::listed::{Listed, Missing, cut};
use super::{Measures, millis};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::{Ranges, Tally};
use crate::report::{Basis, Figure, Row, Section, Table, Value};
use crate::spread::Spread;

pub(super) const OPENED: &str = "type=review.opened";
pub(super) const ANSWERED: &str = "type=review.answered";
const APPROVED: &str = "type=review.answered data.verdict=approve";
const LAPSED: &str = "type=review.lapsed";

pub(super) const QUERIES: &[&str] = &[OPENED, ANSWERED, APPROVED, LAPSED];

/// What people were asked, and what they said.
#[derive(Debug, Default)]
pub(super) struct Reviews {
    /// By run, because what nobody answered goes with its run.
    open: BTreeMap<String, BTreeMap<ReviewId, Asked>>,
    people: BTreeMap<String, Person>,
    took: Spread,
    took_leaves: Tally,
    quick: Tally,
    /// Approvals of reviews whose opening is in the period too.
    timed_approvals: u64,
    answers: Listed,
    /// Reviews whose run ended before anybody answered.
    overtaken: u64,
}

#[derive(Debug)]
struct Asked {
    index: u64,
    at: Timestamp,
    about: String,
}

#[derive(Debug, Default)]
struct Person {
    answers: u64,
    approvals: u64,
    quick: u64,
    took: Spread,
    leaves: Ranges,
}

impl Reviews {
    pub(super) fn note(&mut self, entry: &Entry<'_>, event: &Event, measures: Measures) {
        match event {
            Event::ReviewOpened { review, .. } => {
                let about = entry.text("/about/kind").unwrap_or("?").to_owned();
                let asked = Asked { index: entry.index, at: entry.at, about };
                self.open.entry(entry.record.subject().to_owned()).or_default().insert(*review, asked);
            }
            Event::ReviewAnswered { review, verdict, by, reason, .. } => {
                let asked = self.take(entry, *review);
                let took = asked.as_ref().map(|asked| millis(asked.at, entry.at));
                let approved = *verdict == Verdict::Approve;
                let quick = approved && took.is_some_and(|took| took < measures.quick_ms);
                let person = self.people.entry(by.name.to_string()).or_default();
                person.answers += 1;
                person.approvals += u64::from(approved);
                person.quick += u64::from(quick);
                person.leaves.add(entry.index);
                if let Some(took) = took {
                    person.took.add(took);
                    self.took.add(took);
                    self.took_leaves.hit(entry.index);
                    self.timed_approvals += u64::from(approved);
                }
                if quick {
                    self.quick.hit(entry.index);
                }
                let cells = [
                    asked.map_or_else(|| "opened before the period".to_owned(), |asked| asked.about),
                    entry.record.subject().to_owned(),
                    by.name.to_string(),
                    if approved { "approve" } else { "reject" }.to_owned(),
                    took.map_or_else(|| "no evidence".to_owned(), |took| took.to_string()),
                    cut(reason),
                ];
                self.answers.push(entry, cells);
            }
            Event::ReviewLapsed { review } => drop(self.take(entry, *review)),
            Event::Ended { .. } => {
                let open = self.open.remove(entry.record.subject());
                self.overtaken += open.map_or(0, |open| open.len() as u64);
            }
            _ => {}
        }
    }

    fn take(&mut self, entry: &Entry<'_>, review: ReviewId) -> Option<Asked> {
        self.open.get_mut(entry.record.subject()).and_then(|open| open.remove(&review))
    }

    /// The reviews that nobody answered yet.
    pub(super) fn open(&self) -> Missing {
        let mut open = Missing::default();
        let mut asked: Vec<_> = self.open.values().flatten().collect();
        asked.sort_by_key(|(_, asked)| asked.index);
        asked.into_iter().for_each(|(id, asked)| open.push(asked.index, id));
        open
    }

    /// How many reviews were overtaken by the end of their run.
    pub(super) fn overtaken(&self) -> u64 {
        self.overtaken
    }

    pub(super) fn section(&self, counts: &Counts, measures: Measures) -> Section {
        let took = Basis {
            query: ANSWERED.to_owned(),
            rule: Some(
                "the time of review.answered less the time of the review.opened with the same data.review, where both are in the period",
            ),
            leaves: self.took_leaves.leaves.clone(),
            of: None,
        };
        let figures = vec![
            counts.figure("reviews.opened", "Handed to people", OPENED, ""),
            counts.part("reviews.approved", "Approved, of all answers", APPROVED, ANSWERED),
            counts.figure("reviews.lapsed", "Lapsed unanswered", LAPSED, OPENED),
            figure("reviews.latency", "How long people took to answer", times(&self.took), took),
            self.quick(measures),
        ];
        Section {
            id: "reviews",
            title: "Reviews by people",
            about: "What policy handed to people and what they answered. Signs of rubber-stamping are signs, not proof: \
                    somebody who answers in seconds, or says yes to everything, may still have looked.",
            figures,
            charts: Vec::new(),
            tables: vec![
                self.by_person(measures),
                self.answers.table(
                    "reviews.answers",
                    "Answers",
                    &["about", "run", "by", "verdict", "ms", "reason"],
                    ANSWERED,
                    None,
                ),
            ],
            ..Section::default()
        }
    }

    fn quick(&self, measures: Measures) -> Figure {
        let basis = Basis {
            query: APPROVED.to_owned(),
            rule: Some(
                "approvals after less than the template's quick time, of those whose review.opened is in the period",
            ),
            leaves: self.quick.leaves.clone(),
            of: Some(APPROVED.to_owned()),
        };
        let label =
            format!("Approved within {} s, of all approvals that could be timed", measures.quick_ms / 1000);
        figure("reviews.quick", &label, Value::part(self.quick.count, self.timed_approvals), basis)
    }

    fn by_person(&self, measures: Measures) -> Table {
        let row = |(name, person): (&String, &Person)| Row {
            cells: vec![
                name.clone(),
                person.answers.to_string(),
                person.approvals.to_string(),
                (person.answers - person.approvals).to_string(),
                person.quick.to_string(),
                if person.took.count() == 0 {
                    "no evidence".to_owned()
                } else {
                    person.took.quantile(50).to_string()
                },
                person.signs(measures),
            ],
            query: Some(format!("{ANSWERED} data.by.name={name}")),
            leaves: person.leaves.clone(),
        };
        Table {
            id: "reviews.by_person",
            title: "By reviewer".to_owned(),
            columns: vec![
                "reviewer",
                "answers",
                "approved",
                "rejected",
                "quick approvals",
                "median ms",
                "signs",
            ],
            rows: self.people.iter().map(row).collect(),
            total: self.people.len() as u64,
            query: ANSWERED.to_owned(),
            rule: Some(
                "signs: everything approved, or at least half of the approvals quick, in enough answers",
            ),
        }
    }
}

impl Person {
    fn signs(&self, measures: Measures) -> String {
        if self.answers < measures.enough_answers {
            return format!("too few answers to say (under {})", measures.enough_answers);
        }
        let mut signs = Vec::new();
        if self.approvals == self.answers {
            signs.push(format!("approved everything ({} of {})", self.approvals, self.answers));
        }
        if self.quick * 2 >= self.approvals && self.quick > 0 {
            signs.push(format!("approved quickly ({} of {})", self.quick, self.approvals));
        }
        if signs.is_empty() { "none".to_owned() } else { signs.join("; ") }
    }
}
