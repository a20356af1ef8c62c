//! Decisions: what every gate answered, why it refused, and what was refused first and permitted later.

use std::collections::BTreeMap;

use concordat_model::decision::{Answer, Gate};
use concordat_model::run::event::Event;

use super::contracts::grouped;
use super::listed::{Listed, cut, short};
use super::runs::Runs;
use super::timeline::Timeline;
use crate::counts::Counts;
use crate::entry::Entry;
use crate::report::{Bar, Chart, Section, Table, Tone};

pub(super) const DECIDED: &str = "type=gate.decided";
const PERMITTED: &str = "type=gate.decided data.decision.answer.kind=permit";
const REVIEWED: &str = "type=gate.decided data.decision.answer.kind=review";
const DENIED: &str = "type=gate.decided data.decision.answer.kind=deny";
const COMPARED: &str = "type=gate.decided data.decision.compared";
const DIFFERED: &str = "type=gate.decided data.decision.compared.differs=true";
const OPA: &str = "type=opa.decided";

pub(super) const QUERIES: &[&str] = &[DECIDED, PERMITTED, REVIEWED, DENIED, COMPARED, DIFFERED, OPA];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[
    ("decisions.by_gate", DECIDED, &["data.decision.gate", "data.decision.answer.kind"]),
    (
        "decisions.by_reason",
        "type=gate.decided data.decision.answer.kind=review|deny",
        &["data.decision.gate", "data.decision.answer.kind", "data.decision.answer.reasons.code"],
    ),
    (
        "decisions.by_policy",
        DECIDED,
        &["data.decision.provenance.policy", "data.decision.provenance.evaluator"],
    ),
];

/// Refusals, and what came after them.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    refusals: Listed,
    /// Contracts that were not admitted, by digest: where, and in which run.
    not_admitted: BTreeMap<String, (u64, String)>,
    reversed: Listed,
    line: Timeline<3>,
}

impl Decisions {
    pub(super) fn note(&mut self, entry: &Entry<'_>, event: &Event, runs: &Runs) {
        let Event::Decided { decision, attempt } = event else { return };
        let step = attempt.as_ref().map(|attempt| attempt.step.to_string()).unwrap_or_default();
        let life = runs.of(entry);
        let subject = entry.record.subject();
        match &decision.answer {
            Answer::Permit => {
                let earlier = life.and_then(|life| life.denied.get(&(decision.gate, step.clone())));
                let digest = life.map(|life| life.digest.as_str()).unwrap_or_default();
                let admitted = decision.gate == Gate::Admit;
                let refused = if admitted { self.not_admitted.remove(digest) } else { None };
                let before = earlier.map(|index| (*index, subject.to_owned())).or(refused);
                if let Some((index, run)) = before {
                    let gate = decision.gate.to_string();
                    self.reversed.push(entry, [gate, subject.to_owned(), step, index.to_string(), run]);
                }
            }
            Answer::Deny { .. } if decision.gate == Gate::Admit => {
                if let Some(life) = life {
                    self.not_admitted.insert(life.digest.clone(), (entry.index, subject.to_owned()));
                }
            }
            Answer::Review { .. } | Answer::Deny { .. } => {}
        }
        self.seen(entry, event);
    }

    /// What needs no run: access decisions stand under other subjects too.
    pub(super) fn seen(&mut self, entry: &Entry<'_>, event: &Event) {
        let Event::Decided { decision, attempt } = event else { return };
        let layer = match decision.answer {
            Answer::Permit => 0,
            Answer::Review { .. } => 1,
            Answer::Deny { .. } => 2,
        };
        self.line.add(entry.at.as_second(), layer);
        if let Answer::Deny { reasons } = &decision.answer {
            let step = attempt.as_ref().map(|attempt| attempt.step.to_string()).unwrap_or_default();
            let reasons: Vec<_> =
                reasons.all().iter().map(|reason| format!("{}: {}", reason.code, reason.message)).collect();
            let cells = [
                decision.gate.to_string(),
                entry.record.subject().to_owned(),
                step,
                cut(&reasons.join("; ")),
                short(decision.provenance.policy),
                decision.id.to_string(),
            ];
            self.refusals.push(entry, cells);
        }
    }

    pub(super) fn section(&self, counts: &Counts) -> Section {
        let figures = vec![
            counts.figure("decisions.all", "Decisions of all gates", DECIDED, ""),
            counts.part("decisions.permitted", "Permitted", PERMITTED, DECIDED),
            counts.part("decisions.reviewed", "Handed to people", REVIEWED, DECIDED),
            counts.part("decisions.denied", "Denied", DENIED, DECIDED),
            counts.part(
                "decisions.differed",
                "Decided otherwise by the revision on trial, of all it was asked about",
                DIFFERED,
                COMPARED,
            ),
            counts.figure("decisions.opa", "Decisions behind the OPA interface", OPA, OPA),
        ];
        Section {
            id: "decisions",
            title: "Decisions",
            about: "What policy answered at every gate: who may do what (access), which contract may run (admit), which \
                    agents may do a step (dispatch), which result may be used (release), which policy comes into force \
                    (promote). Who asked stands in the stored input of a decision, not in its record.",
            figures,
            charts: self.charts(counts),
            tables: self.tables(counts),
            ..Section::default()
        }
    }

    fn charts(&self, counts: &Counts) -> Vec<Chart> {
        let bars = counts.groups("decisions.by_gate").filter_map(|(key, tally)| {
            let [gate, answer] = key else { return None };
            let tone = match answer.as_str() {
                "permit" => Tone::Good,
                "review" => Tone::Warn,
                _ => Tone::Bad,
            };
            Some(Bar { label: format!("{gate}: {answer}"), count: tally.count, tone })
        });
        let bars: Vec<_> = bars.collect();
        let bars = (!bars.is_empty())
            .then(|| Chart::Bars { title: "Decisions by gate and answer".to_owned(), bars });
        let line = self.line.chart(
            "Decisions over time",
            [("permit", Tone::Good), ("review", Tone::Warn), ("deny", Tone::Bad)],
        );
        bars.into_iter().chain(line).collect()
    }

    fn tables(&self, counts: &Counts) -> Vec<Table> {
        let refused = "type=gate.decided data.decision.answer.kind=review|deny";
        vec![
            grouped(counts, "decisions.by_gate", "By gate and answer", vec!["gate", "answer", "decisions"], DECIDED),
            grouped(
                counts,
                "decisions.by_reason",
                "Why the answer was not a plain yes",
                vec!["gate", "answer", "reason", "decisions"],
                refused,
            ),
            grouped(
                counts,
                "decisions.by_policy",
                "By revision of the policy",
                vec!["policy", "evaluator", "decisions"],
                DECIDED,
            ),
            self.refusals.table(
                "decisions.refusals",
                "Refusals",
                &["gate", "subject", "step", "reasons", "policy", "decision"],
                DENIED,
                None,
            ),
            self.reversed.table(
                "decisions.reversed",
                "Denied first, permitted later",
                &["gate", "subject", "step", "denied at leaf", "denied in"],
                "type=gate.decided data.decision.answer.kind=permit",
                Some("a permit after a denial of the same gate for the same step of the same run, or of the admit gate for the same contract digest"),
            ),
        ]
    }
}
