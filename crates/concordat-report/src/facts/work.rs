//! The work: what was sent to agents, what came back, and how each agent did.

use std::collections::BTreeMap;

use concordat_model::id::AgentId;
use concordat_model::run::event::{Event, Reply};

use super::contracts::{figure, grouped, times};
use super::runs::Runs;
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::{Ranges, Tally};
use crate::report::{Bar, Basis, Chart, Row, Section, Table, Tone};
use crate::spread::Spread;

pub(super) const DISPATCHED: &str = "type=step.dispatched";
pub(super) const ANSWERED: &str = "type=step.answered";
const OUTPUT: &str = "type=step.answered data.reply.kind=output";
const CHECKED: &str = "type=step.answered data.reply.kind=output data.reply.checked=true";
const FITTING: &str = "type=step.answered data.reply.kind=output data.reply.checked=true !data.reply.misfits";
const UNKNOWN: &str = "type=step.answered data.reply.kind=unknown|interrupted";
const FAILED: &str = "type=step.failed";
const TOLERATED: &str = "type=step.failed data.tolerated=true";
const RECALLED: &str = "type=step.recalled";

pub(super) const QUERIES: &[&str] =
    &[DISPATCHED, ANSWERED, OUTPUT, CHECKED, FITTING, UNKNOWN, FAILED, TOLERATED, RECALLED];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[
    ("work.by_reply", ANSWERED, &["data.reply.kind"]),
    (
        "work.by_failure",
        "type=step.answered data.reply.kind=failure|unknown",
        &["data.reply.failure", "data.reply.kind"],
    ),
    ("work.by_code", FAILED, &["data.error.code", "data.tolerated"]),
];

/// What agents did.
#[derive(Debug, Default)]
pub(super) struct WorkDone {
    agents: BTreeMap<AgentId, Deeds>,
    took: Spread,
    took_leaves: Tally,
}

#[derive(Debug, Default)]
struct Deeds {
    name: String,
    dispatched: u64,
    outputs: u64,
    failures: u64,
    unknown: u64,
    took: Spread,
    leaves: Ranges,
}

impl WorkDone {
    pub(super) fn note(&mut self, entry: &Entry<'_>, event: &Event, runs: &Runs) {
        match event {
            Event::Dispatched { agent, agent_name, .. } => {
                let deeds = self.agents.entry(*agent).or_default();
                deeds.name = agent_name.to_string();
                deeds.dispatched += 1;
                deeds.leaves.add(entry.index);
            }
            Event::Answered { attempt, reply, latency_ms } => {
                self.took.add(*latency_ms);
                self.took_leaves.hit(entry.index);
                let flying = runs.of(entry).and_then(|life| life.flying.get(attempt));
                let Some(deeds) = flying.and_then(|flying| self.agents.get_mut(&flying.agent)) else {
                    return;
                };
                deeds.took.add(*latency_ms);
                match reply {
                    Reply::Output { .. } => deeds.outputs += 1,
                    Reply::Failure { .. } => deeds.failures += 1,
                    Reply::Unknown { .. } | Reply::Interrupted => deeds.unknown += 1,
                }
            }
            _ => {}
        }
    }

    /// An agent's name, where something was sent to it in the period; else its id.
    pub(super) fn name(&self, agent: AgentId) -> String {
        self.agents.get(&agent).map_or_else(|| agent.to_string(), |deeds| deeds.name.clone())
    }

    pub(super) fn section(&self, counts: &Counts) -> Section {
        let basis = Basis {
            query: ANSWERED.to_owned(),
            rule: Some("data.latency_ms: from sending to the whole answer"),
            leaves: self.took_leaves.leaves.clone(),
            of: None,
        };
        let figures = vec![
            counts.figure("work.dispatched", "Steps sent to agents", DISPATCHED, ""),
            counts.part("work.output", "Answered with a result, of all answers", OUTPUT, ANSWERED),
            counts.part("work.unknown", "Of unknown outcome, of all answers", UNKNOWN, ANSWERED),
            counts.part(
                "work.fitting",
                "Results that fit their schema, of all that were checked",
                FITTING,
                CHECKED,
            ),
            counts.figure("work.recalled", "Earlier results used instead of a call", RECALLED, DISPATCHED),
            counts.figure("work.failed", "Steps that failed for good", FAILED, DISPATCHED),
            counts.part("work.tolerated", "Of these, tolerated by their contract", TOLERATED, FAILED),
            figure("work.latency", "How long agents took", times(&self.took), basis),
        ];
        Section {
            id: "work",
            title: "Work",
            about: "What agents were asked to do, each after a decision that permits it, and what came back.",
            figures,
            charts: replies(counts),
            tables: vec![
                self.by_agent(),
                grouped(counts, "work.by_reply", "Answers by kind", vec!["kind", "answers"], ANSWERED),
                grouped(
                    counts,
                    "work.by_failure",
                    "Failures by category",
                    vec!["category", "kind", "answers"],
                    "type=step.answered data.reply.kind=failure|unknown",
                ),
                grouped(
                    counts,
                    "work.by_code",
                    "Steps that failed for good, by code",
                    vec!["code", "tolerated", "steps"],
                    FAILED,
                ),
            ],
            ..Section::default()
        }
    }

    fn by_agent(&self) -> Table {
        let row = |deeds: &Deeds| Row {
            cells: vec![
                deeds.name.clone(),
                deeds.dispatched.to_string(),
                deeds.outputs.to_string(),
                deeds.failures.to_string(),
                deeds.unknown.to_string(),
                if deeds.took.count() == 0 {
                    "no evidence".to_owned()
                } else {
                    deeds.took.quantile(50).to_string()
                },
            ],
            query: Some(format!("{DISPATCHED} data.agent_name={}", deeds.name)),
            leaves: deeds.leaves.clone(),
        };
        let mut deeds: Vec<_> = self.agents.values().collect();
        deeds.sort_by(|left, right| right.dispatched.cmp(&left.dispatched).then(left.name.cmp(&right.name)));
        Table {
            id: "work.by_agent",
            title: "By agent".to_owned(),
            columns: vec!["agent", "sent", "results", "failures", "unknown", "median ms"],
            total: deeds.len() as u64,
            rows: deeds.into_iter().map(row).collect(),
            query: "type=step.dispatched|step.answered".to_owned(),
            rule: Some("an answer belongs to the agent of the dispatch with the same subject and attempt"),
        }
    }
}

fn replies(counts: &Counts) -> Vec<Chart> {
    let bars = counts.groups("work.by_reply").map(|(key, tally)| Bar {
        label: key.first().cloned().unwrap_or_default(),
        count: tally.count,
        tone: match key.first().map(String::as_str) {
            Some("output") => Tone::Good,
            Some("failure") => Tone::Bad,
            _ => Tone::Warn,
        },
    });
    let bars: Vec<_> = bars.collect();
    if bars.is_empty() {
        Vec::new()
    } else {
        vec![Chart::Bars { title: "Answers of agents".to_owned(), bars }]
    }
}
