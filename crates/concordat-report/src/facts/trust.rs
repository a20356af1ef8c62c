//! Trust: what moved it, and which attempt was the cause.

use std::collections::BTreeMap;

use concordat_model::id::AgentId;
use concordat_model::trust::{AttemptCause, Cause, PersonCause, RatingCause, TrustChanged};

use super::contracts::{figure, grouped};
use super::listed::Listed;
use super::work::WorkDone;
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::Tally;
use crate::report::{Basis, Row, Section, Table, Value};

pub(super) const CHANGED: &str = "type=trust.changed";
const FITS: &str = "type=trust.changed data.seen=completed data.seen.completed.schema!=breaks";
const REGISTERED: &str = "type=agent.registered";

pub(super) const QUERIES: &[&str] = &[CHANGED, FITS, REGISTERED];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[("trust.by_cause", CHANGED, &["data.seen"])];

/// What moved trust.
#[derive(Debug, Default)]
pub(super) struct TrustMoves {
    agents: BTreeMap<AgentId, (Tally, Tally)>,
    losses: Listed,
}

impl TrustMoves {
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        if entry.record.kind() != "trust.changed" {
            return;
        }
        let Some(change) = entry.data::<TrustChanged>() else { return };
        let gained = change.seen.evidence(change.formula).is_some_and(|seen| {
            seen.delivery.bad == 0 && seen.policy.bad == 0 && seen.quality.bad <= seen.quality.good
        });
        let (gains, losses) = self.agents.entry(change.key.agent).or_default();
        if gained {
            return gains.hit(entry.index);
        }
        losses.hit(entry.index);
        let seen = match entry.data.get("seen") {
            Some(serde_json::Value::String(seen)) => seen.clone(),
            Some(serde_json::Value::Object(seen)) if !seen.contains_key("completed") => {
                seen.keys().next().cloned().unwrap_or_default()
            }
            _ => "completed, but the result breaks its schema".to_owned(),
        };
        let (place, cause) = match &change.cause {
            Cause::Attempt(AttemptCause { run, attempt }) => {
                (run.to_string(), format!("{} #{}", attempt.step, attempt.number))
            }
            Cause::Rating(RatingCause { run, rated_by, .. }) => {
                (run.to_string(), format!("rated by {rated_by}"))
            }
            Cause::Person(PersonCause { by, .. }) => (String::new(), format!("said by {by}")),
            Cause::Probe(_) => (String::new(), "tried".to_owned()),
        };
        let cells = [
            change.key.agent.to_string(),
            format!("{}/{}", change.key.domain, change.key.skill),
            seen,
            place,
            cause,
        ];
        self.losses.push(entry, cells);
    }

    pub(super) fn section(&self, counts: &Counts, work: &WorkDone) -> Section {
        let losses = self.losses.total();
        let basis = Basis {
            query: CHANGED.to_owned(),
            rule: Some("changes whose data.seen counts against the agent's delivery"),
            leaves: self.losses.leaves(),
            of: Some(CHANGED.to_owned()),
        };
        let all = counts.count(CHANGED);
        let figures = vec![
            counts.figure("trust.changes", "Changes of trust", CHANGED, ""),
            figure("trust.losses", "Of these, losses", Value::part(losses, all), basis),
            counts.part(
                "trust.good",
                "Attempts that were seen to succeed, of all that moved trust",
                FITS,
                CHANGED,
            ),
            counts.figure("trust.registered", "Agents registered, or registered anew", REGISTERED, ""),
        ];
        Section {
            id: "trust",
            title: "Trust in agents",
            about: "Trust moves only by what was seen of an attempt; every change names its run and attempt, and can be \
                    computed again from the log.",
            figures,
            charts: Vec::new(),
            tables: vec![
                self.by_agent(work),
                grouped(counts, "trust.by_cause", "By what was seen", vec!["seen", "changes"], CHANGED),
                self.losses.table(
                    "trust.losses",
                    "Losses, with their cause",
                    &["agent", "in", "seen", "run", "attempt"],
                    CHANGED,
                    Some("changes whose data.seen counts against the agent's delivery"),
                ),
            ],
            ..Section::default()
        }
    }

    fn by_agent(&self, work: &WorkDone) -> Table {
        let row = |(agent, (gains, losses)): (&AgentId, &(Tally, Tally))| {
            let mut leaves = gains.leaves.clone();
            leaves.extend(&losses.leaves);
            let cells =
                vec![work.name(*agent), agent.to_string(), gains.count.to_string(), losses.count.to_string()];
            Row { cells, query: Some(format!("{CHANGED} data.key.agent={agent}")), leaves }
        };
        Table {
            id: "trust.by_agent",
            title: "By agent".to_owned(),
            columns: vec!["agent", "id", "gains", "losses"],
            rows: self.agents.iter().map(row).collect(),
            total: self.agents.len() as u64,
            query: CHANGED.to_owned(),
            rule: None,
        }
    }
}
