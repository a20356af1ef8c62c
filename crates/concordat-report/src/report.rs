//! A report as data: what every form of it shows.

use serde::Serialize;

use crate::ranges::Ranges;

/// A report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this form.
    pub format: &'static str,
    /// Its title.
    pub title: String,
    /// The template that it follows, and its version.
    pub template: String,
    /// What it is about.
    pub scope: Scope,
    /// What it answers, if its template has controls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
    /// What it says, in order.
    pub sections: Vec<Section>,
    /// What it is not.
    pub note: String,
}

/// Which records a report is about, and what they were signed with.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scope {
    /// From when, as asked; none for the beginning of the log.
    pub from: Option<String>,
    /// Until when, as asked, that moment excluded; none for the end of the log.
    pub to: Option<String>,
    /// The index of the first record.
    pub first: u64,
    /// The index after the last record: the size of the checkpoint.
    pub end: u64,
    /// The time of the first record, as it claims.
    pub began: Option<String>,
    /// The time of the last record, as it claims.
    pub ended: Option<String>,
    /// The installations that wrote the records.
    pub sources: Vec<String>,
    /// What the records were signed with; none while nothing was signed.
    pub checkpoint: Option<Signed>,
}

/// A checkpoint, for people.
#[derive(Debug, Clone, Serialize)]
pub struct Signed {
    /// The name of the log.
    pub origin: String,
    /// How many records it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: String,
    /// The public keys with which it can be verified.
    pub keys: Vec<String>,
    /// The signed note.
    pub note: String,
}

/// A part of a report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    /// Its name in templates and links.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it says, and how to read it.
    pub about: &'static str,
    /// Its numbers.
    pub figures: Vec<Figure>,
    /// Its charts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Its tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// What was changed line by line, where that can be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// How many more changes there are than are shown.
    #[serde(skip_serializing_if = "is_none")]
    pub more_changes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A policy that was published, and what it changes against the one before it.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The record that says so.
    pub leaf: u64,
    /// When, as it claims.
    pub time: String,
    /// The revision.
    pub revision: String,
    /// The revision that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Who sent it; none if it came with the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Who brought it into force, and with which record.
    pub enforced: Vec<Enforced>,
    /// The files that changed.
    pub files: Vec<Changed>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Who brought a policy into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enforced {
    /// Who.
    pub by: String,
    /// The record that says so.
    pub leaf: u64,
}

/// A file that changed.
#[derive(Debug, Clone, Serialize)]
pub struct Changed {
    /// Its path; `data` for the data of the bundle.
    pub path: String,
    /// How many lines came.
    pub added: u64,
    /// How many lines went.
    pub removed: u64,
    /// The lines of its unified diff.
    pub lines: Vec<String>,
    /// How many more lines there are than are shown.
    pub more: u64,
}

impl Change {
    /// Who wrote it, and who brought it into force, in words.
    #[must_use]
    pub fn people(&self) -> String {
        let Some(author) = &self.author else {
            return "came with the program or its operator's folder, and was in force at once".to_owned();
        };
        let enforced = self.enforced.iter().map(|one| format!("{} (leaf {})", one.by, one.leaf));
        match enforced.collect::<Vec<_>>().join(", ") {
            nobody if nobody.is_empty() => format!("author {author}; not brought into force in this period"),
            people => format!("author {author}; brought into force by {people}"),
        }
    }
}

/// One number with everything that it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Its name, such as `contracts.completed`.
    pub id: String,
    /// What it counts.
    pub label: String,
    /// The number.
    pub value: Value,
    /// What it rests on.
    pub basis: Basis,
    /// What is missing, by id, when it is a part of a whole that should be all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// What a number rests on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Basis {
    /// The query whose records are counted, or from which the number is computed.
    pub query: String,
    /// The query whose records are the whole, for a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How the number follows from those records, when it is not their count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The leaves that were counted.
    pub leaves: Ranges,
}

/// A number, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// The records say nothing about it.
    NoEvidence,
    /// How many.
    Count {
        /// How many.
        count: u64,
    },
    /// So many of so many.
    Part {
        /// How many.
        part: u64,
        /// Of how many.
        whole: u64,
    },
    /// How long something took.
    Times {
        /// How often it was measured.
        count: u64,
        /// Half took at most this long, in milliseconds with three exact digits.
        median_ms: u64,
        /// 95 of 100 took at most this long.
        p95_ms: u64,
        /// 99 of 100 took at most this long.
        p99_ms: u64,
        /// The longest.
        longest_ms: u64,
        /// The mean, rounded down.
        mean_ms: u64,
    },
    /// So many in so long.
    Rate {
        /// How many.
        count: u64,
        /// In how many milliseconds.
        over_ms: u64,
    },
    /// Money over a number of contracts.
    Cost {
        /// The whole amount, in millionths.
        micros: u64,
        /// Its currency.
        currency: String,
        /// Over how many contracts.
        contracts: u64,
    },
}

impl Value {
    /// A part of a whole; no evidence when there is no whole.
    #[must_use]
    pub fn part(part: u64, whole: u64) -> Value {
        if whole == 0 { Value::NoEvidence } else { Value::Part { part, whole } }
    }

    /// A count among others; no evidence when there is nothing among which it could be.
    #[must_use]
    pub fn count(count: u64, among: u64) -> Value {
        if among == 0 { Value::NoEvidence } else { Value::Count { count } }
    }
}

/// Rows of text. What does not fit stands in the log, under the query.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// Its name.
    pub id: &'static str,
    /// Its title.
    pub title: String,
    /// What the columns hold.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How many rows there are in all: more than are shown, when there are very many.
    pub total: u64,
    /// The query under which all of it is found.
    pub query: String,
    /// How the rows follow from those records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
}

/// A line of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<String>,
    /// The query of this row alone, where it counts records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The leaves that it rests on.
    pub leaves: Ranges,
}

/// A picture of numbers that also stand in a figure or a table.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Chart {
    /// One bar for each thing.
    Bars {
        /// Its title.
        title: String,
        /// The things.
        bars: Vec<Bar>,
    },
    /// What happened in each stretch of time, stacked.
    Columns {
        /// Its title.
        title: String,
        /// When the first stretch begins, in seconds since 1970.
        start: i64,
        /// How long each is, in seconds.
        width: i64,
        /// What is stacked, from the bottom.
        series: Vec<Series>,
    },
}

/// One bar.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How long it is.
    pub count: u64,
    /// Its colour.
    pub tone: Tone,
}

/// One layer of columns.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// What it stands for.
    pub label: &'static str,
    /// Its colour.
    pub tone: Tone,
    /// One number for each stretch.
    pub counts: Vec<u64>,
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// Not as it should be.
    Bad,
}

/// A control of a template, answered.
#[derive(Debug, Clone, Serialize)]
pub struct Control {
    /// Its number in the source, such as `Art. 12(1)`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it asks for.
    pub asks: String,
    /// The answer.
    pub answer: ControlAnswer,
    /// What the answer rests on.
    pub evidence: Vec<Evidence>,
}

/// What the records say about a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// What it asks for is in the records.
    Met,
    /// There is nothing that it could be asked about.
    NotApplicable,
    /// The records do not say.
    NoEvidence,
    /// The records say otherwise.
    NotMet,
}

impl ControlAnswer {
    /// The words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            ControlAnswer::Met => "met",
            ControlAnswer::NotApplicable => "not applicable",
            ControlAnswer::NoEvidence => "no evidence",
            ControlAnswer::NotMet => "not met",
        }
    }
}

/// One thing that was looked at for a control.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// What it says.
    pub says: String,
    /// The answer of this one thing.
    pub answer: ControlAnswer,
    /// The number.
    pub value: Value,
    /// What the number rests on.
    pub basis: Basis,
}
