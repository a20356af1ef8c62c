//! Templates: which sections a report has, and which controls it answers. They are data, and anybody may write one.
//!
//! ```yaml
//! name: our-controls
//! title: Our own controls
//! version: "1"
//! sections: [metrics, decisions, completeness]
//! controls:
//!   - id: C-1
//!     title: Every call was permitted
//!     asks: Nothing is sent to an agent without a decision.
//!     evidence:
//!       - {figure: completeness.dispatches, expect: whole, says: every step sent has its permit}
//!       - {query: "type=contract.closing data.cause.kind=killed", of: "type=contract.received", expect: none, says: nothing was killed}
//! ```
//!
//! A control is *not met* when one of its expectations fails; else there is *no evidence* when one of them has nothing
//! to rest on; else it is *met*. It is *not applicable* when it says `applies: QUERY` and no record answers.

use concordat_model::document::Notation;
use serde::Deserialize;

use crate::facts::{Facts, Measures};
use crate::query::{BadQuery, Query};
use crate::report::{Basis, Control, ControlAnswer, Evidence, Figure, Report, Scope, Section, Value};

/// The sections and controls of a report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Template {
    /// Its name on the command line.
    pub name: String,
    /// The report's title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// What to know before reading the report.
    #[serde(default)]
    pub note: String,
    /// The sections, in this order; all when none is named.
    #[serde(default)]
    pub sections: Vec<String>,
    /// Approvals within so many seconds are called quick.
    #[serde(default)]
    pub quick_review_seconds: Option<u64>,
    /// What is answered.
    #[serde(default)]
    pub controls: Vec<Asked>,
}

/// A control as its template asks it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Asked {
    /// Its number in the source.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it asks for.
    pub asks: String,
    /// It is not applicable when no record answers to this.
    #[serde(default)]
    pub applies: Option<String>,
    /// What is looked at.
    pub evidence: Vec<Looked>,
}

/// One thing that is looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Looked {
    /// What it says.
    pub says: String,
    /// The records that are counted; either this or a figure.
    #[serde(default)]
    pub query: Option<String>,
    /// The records among which they are; without it, all records.
    #[serde(default)]
    pub of: Option<String>,
    /// A figure of the report.
    #[serde(default)]
    pub figure: Option<String>,
    /// What is expected of the number.
    pub expect: Expect,
}

/// What is expected of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// At least one.
    Some,
    /// None; with nothing among which it could be, there is no evidence.
    None,
    /// All of them.
    Whole,
    /// It is shown, and any number will do.
    Any,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTemplate {
    /// It cannot be read.
    #[error("the template cannot be read: {0}")]
    Form(String),
    /// One of its queries cannot be read.
    #[error("the control `{control}` asks something that is no query: {why}")]
    Query {
        /// The control.
        control: String,
        /// What is wrong.
        why: BadQuery,
    },
    /// It names a section that there is not.
    #[error("there is no section `{0}`; hint: there are {known}", known = SECTIONS.join(", "))]
    Section(String),
    /// It names a figure that there is not.
    #[error(
        "the control `{control}` looks at the figure `{figure}`, which there is not; hint: `-o FILE.json` shows every figure with its name"
    )]
    Figure {
        /// The control.
        control: String,
        /// The figure.
        figure: String,
    },
    /// Evidence looks at nothing, or at two things.
    #[error("the control `{0}` must look at either a `query` or a `figure`")]
    Looks(String),
    /// There is no such template.
    #[error("there is no template `{0}`; hint: take one of {known}, or the path of a file of your own", known = names().join(", "))]
    Unknown(String),
}

/// Every section that there is.
const SECTIONS: [&str; 12] = [
    "metrics",
    "contracts",
    "decisions",
    "work",
    "reviews",
    "policies",
    "trust",
    "duties",
    "exceptions",
    "completeness",
    "health",
    "access",
];

/// The templates that come with the program.
const OWN: [(&str, &str); 6] = [
    ("general", include_str!("../templates/general.yaml")),
    ("eu-ai-act", include_str!("../templates/eu-ai-act.yaml")),
    ("soc2", include_str!("../templates/soc2.yaml")),
    ("iso-42001", include_str!("../templates/iso-42001.yaml")),
    ("hipaa", include_str!("../templates/hipaa.yaml")),
    ("owasp-agentic", include_str!("../templates/owasp-agentic.yaml")),
];

/// What every report says about itself.
const NOTE: &str = "This is evidence, not certification: it says what the records of one log show for one period. \
                    Whether a control is fulfilled is for an auditor to judge, who can count every number again with \
                    its query and prove every record with the checkpoint.";

/// The names of the templates that come with the program.
#[must_use]
pub fn names() -> Vec<&'static str> {
    OWN.iter().map(|(name, _)| *name).collect()
}

impl Template {
    /// A template that comes with the program.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn named(name: &str) -> Result<Template, BadTemplate> {
        let (_, text) =
            OWN.iter().find(|(own, _)| *own == name).ok_or_else(|| BadTemplate::Unknown(name.to_owned()))?;
        Template::read(text)
    }

    /// A template of one's own, in YAML or JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Template, BadTemplate> {
        let template: Template = concordat_model::document::read(text.as_bytes(), Notation::Yaml)
            .map_err(|problems| BadTemplate::Form(problems.to_string()))?;
        if let Some(odd) = template.sections.iter().find(|id| !SECTIONS.contains(&id.as_str())) {
            return Err(BadTemplate::Section(odd.clone()));
        }
        for control in &template.controls {
            control.check()?;
        }
        let empty = template.facts()?.sections();
        for control in &template.controls {
            for figure in control.evidence.iter().filter_map(|looked| looked.figure.as_deref()) {
                if find(&empty, figure).is_none() {
                    let (control, figure) = (control.id.clone(), figure.to_owned());
                    return Err(BadTemplate::Figure { control, figure });
                }
            }
        }
        Ok(template)
    }

    /// The fold that counts what the template asks.
    ///
    /// # Errors
    /// A query that is none; a template that was read has none.
    pub fn facts(&self) -> Result<Facts, BadTemplate> {
        let queries = self.controls.iter().flat_map(Asked::queries);
        let mut measures = Measures::default();
        if let Some(seconds) = self.quick_review_seconds {
            measures.quick_ms = seconds.saturating_mul(1000);
        }
        Facts::new(queries, measures).map_err(|why| BadTemplate::Query { control: self.name.clone(), why })
    }

    /// The report of what was folded.
    #[must_use]
    pub fn report(&self, facts: &Facts, scope: Scope) -> Report {
        let mut sections = facts.sections();
        let controls = self.controls.iter().map(|asked| asked.answer(facts, &sections)).collect();
        if !self.sections.is_empty() {
            let place = |section: &Section| self.sections.iter().position(|id| id == section.id);
            sections.retain(|section| place(section).is_some());
            sections.sort_by_key(place);
        }
        let note = [NOTE, self.note.trim()].join(" ").trim().to_owned();
        Report {
            format: "concordat-report/1",
            title: self.title.clone(),
            template: format!("{} {}", self.name, self.version),
            scope,
            controls,
            sections,
            note,
        }
    }
}

fn find<'a>(sections: &'a [Section], id: &str) -> Option<&'a Figure> {
    sections.iter().flat_map(|section| &section.figures).find(|figure| figure.id == id)
}

impl Asked {
    fn queries(&self) -> impl Iterator<Item = &str> {
        let looked = self.evidence.iter().flat_map(|looked| looked.query.iter().chain(&looked.of));
        looked.chain(&self.applies).map(String::as_str)
    }

    fn check(&self) -> Result<(), BadTemplate> {
        for query in self.queries() {
            let read: Result<Query, _> = query.parse();
            read.map_err(|why| BadTemplate::Query { control: self.id.clone(), why })?;
        }
        if self.evidence.iter().any(|looked| looked.query.is_some() == looked.figure.is_some()) {
            return Err(BadTemplate::Looks(self.id.clone()));
        }
        Ok(())
    }

    fn answer(&self, facts: &Facts, sections: &[Section]) -> Control {
        let evidence: Vec<_> = self.evidence.iter().map(|looked| looked.answer(facts, sections)).collect();
        let applies = self.applies.as_deref().is_none_or(|query| facts.tally(&spaced(query)).count > 0);
        let worst = evidence.iter().map(|evidence| evidence.answer).max();
        let answer = match worst {
            _ if facts.records() > 0 && !applies => ControlAnswer::NotApplicable,
            Some(worst) => worst,
            None => ControlAnswer::NoEvidence,
        };
        Control { id: self.id.clone(), title: self.title.clone(), asks: self.asks.clone(), answer, evidence }
    }
}

/// A query as it is counted: with one space between its terms.
fn spaced(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Looked {
    fn answer(&self, facts: &Facts, sections: &[Section]) -> Evidence {
        let figure = self.figure.as_deref().and_then(|id| find(sections, id));
        let (value, basis) = match (&self.query, figure) {
            (Some(query), _) => self.counted(facts, query),
            (None, Some(figure)) => (figure.value.clone(), figure.basis.clone()),
            (None, None) => (Value::NoEvidence, Basis::default()),
        };
        Evidence { says: self.says.clone(), answer: self.expect.of(&value), value, basis }
    }

    fn counted(&self, facts: &Facts, query: &str) -> (Value, Basis) {
        let query = spaced(query);
        let tally = facts.tally(&query);
        let of = self.of.as_deref().map(spaced);
        let among = of.as_ref().map_or(facts.records(), |of| facts.tally(of).count);
        let value = match &of {
            Some(_) => Value::part(tally.count, among),
            None => Value::count(tally.count, among),
        };
        (value, Basis { query, of, rule: None, leaves: tally.leaves })
    }
}

impl Expect {
    fn of(self, value: &Value) -> ControlAnswer {
        let judged = |holds: bool, otherwise| if holds { ControlAnswer::Met } else { otherwise };
        let (part, whole) = match value {
            Value::NoEvidence => return ControlAnswer::NoEvidence,
            Value::Count { count } => (*count, None),
            Value::Part { part, whole } => (*part, Some(*whole)),
            Value::Times { count, .. } | Value::Rate { count, .. } => (*count, None),
            Value::Cost { contracts, .. } => (*contracts, None),
        };
        match self {
            // That nothing was found does not say that it should have been there.
            Expect::Some => judged(part > 0, ControlAnswer::NoEvidence),
            Expect::None => judged(part == 0, ControlAnswer::NotMet),
            Expect::Whole => judged(whole == Some(part), ControlAnswer::NotMet),
            Expect::Any => ControlAnswer::Met,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_of_ours_is_sound() {
        for name in names() {
            let template = Template::named(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(template.name, name);
        }
    }

    #[test]
    fn an_empty_log_shows_nothing_and_claims_nothing() {
        for name in names() {
            let template = Template::named(name).unwrap();
            let facts = template.facts().unwrap();
            let report = template.report(&facts, facts.scope());
            for control in &report.controls {
                assert_eq!(control.answer, ControlAnswer::NoEvidence, "{name} {}", control.id);
            }
            for figure in report.sections.iter().flat_map(|section| &section.figures) {
                assert_eq!(figure.value, Value::NoEvidence, "{}", figure.id);
            }
            assert!(
                report.sections.iter().flat_map(|section| &section.tables).all(|table| table.rows.is_empty())
            );
        }
    }

    #[test]
    fn what_is_wrong_with_ones_own_template_is_said() {
        let with = |evidence: &str| {
            format!(
                "{{name: a, title: b, version: '1', controls: [{{id: X, title: t, asks: a, evidence: [{evidence}]}}]}}"
            )
        };
        for (evidence, says) in [
            ("{says: a, expect: some}", "either a `query` or a `figure`"),
            ("{says: a, expect: some, query: kind=x}", "`kind` is not in records"),
            ("{says: a, expect: some, figure: x.y}", "which there is not"),
            ("{says: a, expect: most, figure: health.starts}", "most"),
        ] {
            let refused = Template::read(&with(evidence)).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert!(Template::named("sox").unwrap_err().to_string().contains("general"));
        assert!(Template::read("{name: a, title: b, version: '1', sections: [weather]}").is_err());
    }
}
